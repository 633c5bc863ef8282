"""BCa cluster bootstrap: documents are resampled whole, all resamples at once.

Does: resample totals of clusters; bounds and p-values of the bias-corrected and accelerated (BCa)
bootstrap. Does not: know metrics or evaluations.

Sources: Efron 1987 (JASA 82:171) for BCa; DiCiccio and Efron 1996 (Statistical Science 11:189) for
its p-values by inversion; Davison and Hinkley 1997 (Bootstrap Methods, section 4.2) for counting
the data themselves as one more resample. scipy.stats.bootstrap has no p-values and gathers every
resample in memory; the tests compare with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

CELLS = 1 << 18
"""Resampled indices drawn at once; about 6 MB, so that they stay in the processor's cache."""

SAME = 1e-12
"""Values closer than this differ by rounding alone."""


@dataclass(frozen=True, eq=False)
class BootstrapLaw:
    """Resampled values of a statistic with the constants that turn them into BCa bounds."""

    draws: np.ndarray
    """Sorted, one per resample."""
    bias: float
    """z0 of Efron 1987; 0 where BCa is undefined, which makes the bounds percentile bounds."""
    acceleration: float
    """a of Efron 1987; 0 where BCa is undefined."""
    support: tuple[float, float]
    """Smallest and largest value the statistic can have."""

    def mirrored(self) -> BootstrapLaw:
        """The law of minus the statistic, which turns upper bounds into lower ones."""
        low, high = self.support
        return BootstrapLaw(-self.draws[::-1], -self.bias, -self.acceleration, (-high, -low))

    def low(self, alpha: float) -> float:
        """Lower bound with error `alpha` in (0, 0.5).

        It is the k-th smallest draw with k = floor(level * (resamples + 1)), or the smallest where
        k is 0: BCa levels run out of draws where one cluster decides (an unseen loss), and there
        the smallest draw is already beyond the exact bound. Where alpha itself is below
        1 / (resamples + 1), it is the end of the support.
        """
        resamples = len(self.draws)
        if alpha * (resamples + 1) < 1 - SAME:
            return self.support[0]
        ahead = self.bias + NormalDist().inv_cdf(alpha)
        stretch = 1 - self.acceleration * ahead
        level = NormalDist().cdf(self.bias + ahead / stretch) if stretch > 0 else 0.0
        return float(self.draws[max(1, math.floor(level * (resamples + 1) + SAME)) - 1])

    def high(self, alpha: float) -> float:
        """Upper bound with error `alpha` in (0, 0.5)."""
        return -self.mirrored().low(alpha)

    def p_above(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the statistic is <= threshold.

        It is at most alpha exactly where `low(alpha)` > threshold, and never below
        1 / (resamples + 1), which no number of resamples of this size could support.
        """
        import numpy as np

        resamples = len(self.draws)
        below = int(np.searchsorted(self.draws, threshold, side="right"))
        smallest = 1 / (resamples + 1)
        if below in (0, resamples):
            return smallest if below == 0 else 1.0
        ahead = NormalDist().inv_cdf((below + 1) * smallest) - self.bias
        stretch = 1 + self.acceleration * ahead
        if stretch <= 0:
            return smallest if ahead < 0 else 1.0
        return max(smallest, NormalDist().cdf(ahead / stretch - self.bias))

    def p_below(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the statistic is >= threshold."""
        return self.mirrored().p_above(-threshold)


def resampled_counts(
    slots: int, resamples: int, seed: int, use: Callable[[np.ndarray, slice], None]
) -> None:
    """Draw how often each of `slots` clusters is in each resample, some resamples at a time.

    Args:
        use: called with counts (some resamples, slots) as floats, and with which resamples these
            are; the array is overwritten afterwards.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    at_once = max(1, min(resamples, CELLS // slots))
    offsets = np.arange(at_once)[:, None] * slots
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        drawn = rng.integers(0, slots, size=(rows, slots))
        drawn += offsets[:rows]
        counts = np.bincount(drawn.ravel(), minlength=rows * slots).reshape(rows, slots)
        use(counts.astype(float), slice(start, start + rows))


def resample(
    sums: np.ndarray,
    statistic: Callable[[Any], Any],
    *,
    resamples: int,
    seed: int,
    support: tuple[float, float],
) -> BootstrapLaw:
    """Resample clusters.

    Args:
        sums: (clusters, columns), at least two clusters.
        statistic: maps column totals (..., columns) to values (...).
        support: smallest and largest value the statistic can have.
    """
    import numpy as np

    totals = np.empty((resamples, sums.shape[1]))

    def use(counts: np.ndarray, rows: slice) -> None:
        totals[rows] = counts @ sums

    resampled_counts(len(sums), resamples, seed, use)
    return _law(statistic(totals), sums, statistic, support)


def resample_guarded(
    sums: np.ndarray,
    statistic: Callable[[Any], Any],
    worst: np.ndarray,
    best: np.ndarray,
    *,
    resamples: int,
    seed: int,
    support: tuple[float, float],
) -> tuple[BootstrapLaw, BootstrapLaw]:
    """Resample clusters together with one that was not observed, once for both bounds.

    Args:
        sums: (clusters, columns).
        worst: columns of the cluster that joins for the lower bound.
        best: columns of the cluster that joins for the upper bound.

    Returns:
        The law to take lower bounds from, and that to take upper bounds from.
    """
    import numpy as np

    slots = len(sums) + 1
    totals, extra = np.empty((resamples, sums.shape[1])), np.empty((resamples, 1))

    def use(counts: np.ndarray, rows: slice) -> None:
        totals[rows] = counts[:, :-1] @ sums
        extra[rows] = counts[:, -1:]

    resampled_counts(slots, resamples, seed, use)
    lower, upper = (
        _law(statistic(totals + extra * guard), np.vstack([sums, guard]), statistic, support)
        for guard in (worst, best)
    )
    return lower, upper


def _law(
    draws: np.ndarray,
    sums: np.ndarray,
    statistic: Callable[[Any], Any],
    support: tuple[float, float],
) -> BootstrapLaw:
    """z0 and a of Efron 1987, equations 2.8 and 6.6, or 0 and 0 where they are undefined: when all
    resamples lie on one side of the value, or no cluster matters more than another."""
    import numpy as np

    total = sums.sum(axis=0)
    value = float(statistic(total))
    ordered = np.sort(draws)
    below = np.mean([np.mean(ordered < value - SAME), np.mean(ordered <= value + SAME)])
    left_out = total - sums
    left_out[np.abs(left_out) < SAME * np.abs(total)] = 0
    left_values = statistic(left_out)
    influence = left_values.mean() - left_values
    spread = float((influence**2).sum())
    if not 0 < below < 1 or math.sqrt(spread) < SAME:
        return BootstrapLaw(ordered, 0.0, 0.0, support)
    acceleration = float((influence**3).sum()) / (6 * spread**1.5)
    return BootstrapLaw(ordered, NormalDist().inv_cdf(float(below)), acceleration, support)
