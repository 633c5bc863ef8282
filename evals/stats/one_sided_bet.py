"""Bets that one system is better than another by more than a threshold.

Does: capital against every threshold, for means and for ratios of sums. Does not: know metrics or
which system is the candidate (evals/stats/sequential.py).

A mean or ratio metric of the candidate exceeds that of the reference, whose true value is rho, by
at most delta exactly if per document

    D = [T_c - (rho + delta) B_c] - [T_r - rho B_r]

has a mean of at most 0 (T, B: numerators and denominators). Capital is bet against that for every
rho of a grid, and the hypothesis is rejected when the smallest capital reaches 1 / alpha: the true
rho is among them, so nothing is divided among the values of rho. Between grid points D is lowered
by what rho can change it within half a step, so that the capital of the nearest point never exceeds
that of the true rho. A twentieth of the capital bets against rho itself (T_r - rho B_r has mean 0),
or values of rho far from the truth would never be rejected. A mean over rows does not depend on rho.

Capital stays positive only if no document can lose more than the largest stake allows; the caller
declares how many items of a document count.

Sources: Waudby-Smith and Ramdas 2024 (JRSSB 86:1, arXiv 2010.09686) for betting; Ramdas, Gruenwald,
Vovk and Shafer 2023 (Statistical Science 38:576) for e-processes against composite hypotheses as
the smallest over them, and for p-values as one over the largest capital.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evals.stats.betting import log_capital, log_growth

if TYPE_CHECKING:
    import numpy as np

HALF_STEP = 0.01
"""Half the distance of neighbouring values of rho."""

ON_RHO = 0.05
"""Share of the capital that bets against rho itself."""

RESOLUTION = 0.002
"""Bounds are found to within this."""


class OneSidedBet:
    """Bets that ours - theirs exceeds a threshold.

    Documents are rows of four numbers: our right and wrong items, their right and wrong items.
    """

    def __init__(self, mean: bool, cap_wrong: float, cap_right: float, needed: float) -> None:
        import numpy as np

        self._mean, self._needed = mean, needed
        self._cap_wrong, self._cap_right = cap_wrong, cap_right
        # Of a mean rho is never used, so that any one value does.
        self._rhos = np.array([0.5]) if mean else np.arange(HALF_STEP, 1, 2 * HALF_STEP)
        self._documents = np.empty((0, 4))
        self._growth_on_rho: np.ndarray | float = 0.0
        self._growth: dict[float, np.ndarray | float] = {}
        self._largest: dict[float, np.ndarray | float] = {}
        self._low = -1.0

    def track(self, threshold: float) -> None:
        """Keep the capital against a threshold over time."""
        self._growth[threshold] = 0.0
        self._largest[threshold] = 0.0

    def within_caps(self, documents: np.ndarray) -> np.ndarray:
        """Documents with their items reduced to what counts."""
        import numpy as np

        if not self._mean:
            return np.minimum(documents, [self._cap_right, self._cap_wrong] * 2)
        rows = documents[:, :2].sum(axis=1, keepdims=True)
        return documents * np.where(rows > self._cap_wrong, self._cap_wrong / rows, 1.0)

    def update(self, documents: np.ndarray) -> None:
        """Play one more batch."""
        import numpy as np

        self._documents = np.vstack([self._documents, documents])
        if not self._mean:
            self._growth_on_rho = self._growth_on_rho + log_growth(self._gains_on_rho(documents))
        for threshold, grown in self._growth.items():
            grown = grown + log_growth(self._gains(documents, threshold, threshold))
            self._growth[threshold] = grown
            self._largest[threshold] = np.maximum(
                self._largest[threshold], self._log_capital_by_rho(grown)
            )

    def p_value(self, threshold: float) -> float:
        """One over the largest capital, or over the present one if it was not tracked."""
        return min(1.0, math.exp(-self._evidence(threshold)))

    def rejects(self, threshold: float) -> bool:
        """Whether capital reached 1 / alpha."""
        return self._evidence(threshold) >= self._needed

    def crossed_at(self) -> float:
        """Largest tracked threshold that was rejected, -1 if none was."""
        return max((t for t in self._growth if self.rejects(t)), default=-1.0)

    def search(self) -> float:
        """Largest threshold rejected so far, by bisection: capital falls as the threshold rises."""
        rejected = max(self._low, self.crossed_at())
        standing = 1.0
        step = rejected + RESOLUTION
        if step >= standing or self._present(step) < self._needed:
            return rejected
        rejected = step
        while standing - rejected > RESOLUTION:
            middle = (rejected + standing) / 2
            if self._present(middle) >= self._needed:
                rejected = middle
            else:
                standing = middle
        self._low = rejected
        return rejected

    def _evidence(self, threshold: float) -> float:
        """Logarithm of the capital at the value of rho where it is smallest."""
        import numpy as np

        if threshold not in self._largest:
            return self._present(threshold)
        return float(np.min(self._largest[threshold]))

    def _present(self, threshold: float) -> float:
        if not len(self._documents):
            return 0.0
        grown = log_growth(self._gains(self._documents, threshold, 1.0))
        return float(self._log_capital_by_rho(grown).min())

    def _log_capital_by_rho(self, grown: np.ndarray) -> np.ndarray:
        import numpy as np

        main = log_capital(grown)
        if self._mean:
            return main
        # Stakes x direction x rho: both directions count half.
        aside = np.logaddexp.reduce(log_capital(np.asarray(self._growth_on_rho)), axis=0)
        return np.asarray(np.logaddexp(main + math.log(1 - ON_RHO), aside + math.log(ON_RHO / 2)))

    def _gains(self, documents: np.ndarray, threshold: float, widest: float) -> np.ndarray:
        """D over the largest loss it can bring, per value of rho: (rhos, clusters).

        Args:
            widest: threshold whose largest loss is used; the same for all that are compared, so
                that capital falls as the threshold rises.
        """
        import numpy as np

        our_right, our_wrong, their_right, their_wrong = documents.T
        ours, theirs = our_right + our_wrong, their_right + their_wrong
        if self._mean:
            # At least -(1 + threshold) per row; this ratio falls in the threshold by itself.
            gain = our_right - their_right - threshold * ours
            return np.asarray(gain / ((1 + threshold) * self._cap_wrong))[None]
        rho = self._rhos[:, None]
        goal = np.clip(rho + threshold, 0, 1)
        gain = our_right - goal * ours - their_right + rho * theirs
        # Moving rho within its cell moves rho + threshold as much, or less where that is clipped.
        clipped = (rho + threshold < HALF_STEP) | (rho + threshold > 1 - HALF_STEP)
        change = np.abs(theirs - ours)
        gain = gain - HALF_STEP * np.where(clipped, np.maximum(change, theirs), change)
        loss = np.clip(rho + widest, 0, 1) * self._cap_wrong + (1 - rho) * self._cap_right
        return np.asarray(gain / (loss + self._cell_loss))

    def _gains_on_rho(self, documents: np.ndarray) -> np.ndarray:
        """T_r - rho B_r and its negative over the largest loss each can bring: (2, rhos, clusters)."""
        import numpy as np

        right, wrong = documents[:, 2], documents[:, 3]
        rho = self._rhos[:, None]
        excess, change = right - rho * (right + wrong), HALF_STEP * (right + wrong)
        above = (excess - change) / (rho * self._cap_wrong + self._cell_loss)
        below = (-excess - change) / ((1 - rho) * self._cap_right + self._cell_loss)
        return np.stack([above, below])

    @property
    def _cell_loss(self) -> float:
        return HALF_STEP * (self._cap_wrong + self._cap_right)
