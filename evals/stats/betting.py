"""Betting on a mean: evidence that holds at every moment, however often one looks.

Does: wealth against a threshold, and the bounds that follow. Does not: choose the order of documents
or stop (evals/sequential_checks.py).

Source: Waudby-Smith and Ramdas 2024 (JRSS B 86:1, arXiv 2010.09686), section 4, with the aGRAPA
bets of appendix B.3. Exact at every n for independent documents whose scores lie in the support.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.paired import is_mean

if TYPE_CHECKING:
    import numpy as np

LARGEST_BET = 0.75
"""Share of the wealth that the worst outcome may cost (truncation c of section 4.3)."""
STEPS = 40
"""Halvings of the support when a bound is sought: far below any digit that is shown."""


def can_bet(metric: Metric, rows_per_document: Iterable[int]) -> bool:
    """Whether the metric is a mean over documents of scores in [0, 1]."""
    return (
        is_mean(metric)
        and sum(metric.ratios[0].numerator.values()) <= 1
        and len(set(rows_per_document)) == 1
    )


@dataclass(frozen=True, eq=False)
class Bets:
    """Bets on the mean of gains that come in one after the other.

    >>> import numpy as np
    >>> Bets(np.full(100, 0.1), (-1.0, 1.0)).p_above(0.0) < 0.05 < Bets(np.zeros(9), (-1.0, 1.0)).p_above(0.0)
    True
    """

    gains: np.ndarray
    """One per document in the order in which they were asked, shape (documents,)."""
    support: tuple[float, float]
    """Smallest and largest gain there can be."""

    def low(self, alpha: float) -> float:
        """The largest mean that the bets have ruled out from below, by halving the support."""
        return self._bound(alpha)

    def high(self, alpha: float) -> float:
        """The smallest mean that the bets have ruled out from above."""
        return -self.mirrored()._bound(alpha)

    def p_above(self, threshold: float) -> float:
        """Anytime-valid p-value of the hypothesis that the mean is <= threshold: one over the most
        that betting against the threshold itself was ever worth."""
        return math.exp(-max(0.0, self._most_wealth(threshold)))

    def p_below(self, threshold: float) -> float:
        """Anytime-valid p-value of the hypothesis that the mean is >= threshold."""
        return self.mirrored().p_above(-threshold)

    def mirrored(self) -> Bets:
        """The same bets on minus the gains."""
        return Bets(-self.gains, (-self.support[1], -self.support[0]))

    def _bound(self, alpha: float) -> float:
        low, high = self.support
        needed = math.log(1 / alpha)
        if self._most_wealth(low) < needed:
            return low
        out = low
        standing = high
        for _ in range(STEPS):
            middle = (out + standing) / 2
            if self._most_wealth(middle) >= needed:
                out = middle
            else:
                standing = middle
        return out

    def _most_wealth(self, threshold: float) -> float:
        """Logarithm of the largest wealth so far against the hypothesis mean <= threshold: the product
        of 1 + bet * (gain - threshold), a supermartingale for bets >= 0 chosen before each gain."""
        import numpy as np

        low, high = self.support
        count = np.arange(1, len(self.gains) + 1)
        # Predictable mean and variance: one imaginary gain in the middle of the support, with the
        # largest variance there is, stands before the first.
        middle, widest = (low + high) / 2, ((high - low) / 2) ** 2
        running = (middle + np.cumsum(self.gains)) / (count + 1)
        spread = np.cumsum((self.gains - running) ** 2)
        mean = np.concatenate([[middle], running[:-1]])
        variance = (widest + np.concatenate([[0.0], spread[:-1]])) / count
        edge = mean - threshold
        largest = LARGEST_BET / max(threshold - low, 1e-12)
        bets = np.clip(edge / (variance + edge**2), 0, largest)
        return float(np.cumsum(np.log1p(bets * (self.gains - threshold))).max(initial=0.0))
