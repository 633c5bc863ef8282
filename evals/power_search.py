"""The smallest number of documents with which simulated gates have a wanted power.

Does: search by geometric steps, then read the number off a probit curve through the shares that were
simulated. Does not: simulate (its caller does).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import NormalDist

FIRST_GATES = 50
"""Per step of the search for about the right size."""
STEPS = 12
ROUNDS = 3
"""Of gates at the number that the curve gives."""
NEAR = 2.0
"""Shares at numbers of documents within this factor shape the curve."""
_NORMAL = NormalDist()


@dataclass
class PowerSearch:
    """A search that remembers every share it simulated."""

    passes: Callable[[int, int], int]
    """Documents, gates -> how many of the gates promote."""
    power: float
    """Wanted, in (0, 1)."""
    alpha: float
    """Level of one test, for the shape of the curve."""
    gates: int
    """Per round at the number that the curve gives."""
    tried: dict[int, tuple[int, int]] = field(default_factory=dict)
    """Documents -> gates that promoted, and gates."""

    def smallest(self, start: int, fewest: int, most: int) -> int | None:
        """The number of documents for the wanted power.

        Args:
            start: where to look first.
            fewest, most: bounds of the search.
        Returns:
            None when `most` documents are not enough.
        """
        documents = self._about(max(fewest, min(start, most)), fewest, most)
        if documents is None:
            return None
        for _ in range(ROUNDS):
            self._try(documents, self.gates)
            documents = max(fewest, min(most, math.ceil(self._on_curve(documents))))
        return documents

    def share(self, documents: int, gates: int) -> tuple[int, int]:
        """How many of at least so many gates promote with so many documents, and how many ran."""
        _, ran = self.tried.get(documents, (0, 0))
        if ran < gates:
            self._try(documents, gates - ran)
        return self.tried[documents]

    def _try(self, documents: int, gates: int) -> float:
        before, ran = self.tried.get(documents, (0, 0))
        after = before + self.passes(documents, gates)
        self.tried[documents] = (after, ran + gates)
        return after / (ran + gates)

    def _about(self, documents: int, fewest: int, most: int) -> int | None:
        """A number whose share is neither near 0 nor near 1, or a bound of the search."""
        too_few, enough = 0, 0
        for _ in range(STEPS):
            share = self._try(documents, FIRST_GATES)
            if share < self.power - 0.3:
                too_few = max(too_few, documents)
                if documents == most:
                    return None
            elif share > self.power + (1 - self.power) * 0.8:
                enough = min(enough or documents, documents)
                if documents == fewest:
                    return documents
            else:
                return documents
            if too_few and enough:
                if enough <= too_few * 1.05 + 1:
                    return enough
                documents = round(math.sqrt(too_few * enough))
            elif too_few:
                documents = min(most, math.ceil(documents * (2.5 if share < 0.05 else 1.6)))
            else:
                documents = max(fewest, round(documents / 1.6))
        return documents

    def _on_curve(self, around: int) -> float:
        """Where chance = Phi(a + b sqrt(n)) reaches the power; a is held near minus the test's quantile,
        where a normal law has it, since a few shares alone leave it open."""
        from scipy.optimize import minimize

        near = {n: t for n, t in self.tried.items() if around / NEAR <= n <= around * NEAR}
        quantile = _NORMAL.inv_cdf(1 - self.alpha)

        def loss(parameters: tuple[float, float]) -> float:
            level, log_slope = parameters
            total = (level + quantile) ** 2 / 2
            for n, (passed, ran) in near.items():
                chance = _NORMAL.cdf(level + math.exp(log_slope) * math.sqrt(n))
                chance = min(1 - 1e-9, max(1e-9, chance))
                total -= passed * math.log(chance) + (ran - passed) * math.log(1 - chance)
            return total

        wanted = _NORMAL.inv_cdf(self.power)
        start = math.log(max(1e-6, (wanted + quantile) / math.sqrt(around)))
        level, log_slope = minimize(loss, (-quantile, start), method="Nelder-Mead").x
        root = (wanted - level) / math.exp(log_slope)
        return float(min(max(root, 1.0), math.sqrt(around) * 1.5)) ** 2
