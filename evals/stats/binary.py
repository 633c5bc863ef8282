"""Paired systems whose rows are right or wrong, one row per document.

Does: McNemar's exact test, Tango's score test and its bounds. Does not: handle rows that depend on
each other (evals/stats/paired.py chooses).

Sources: Tango 1998 (Statistics in Medicine 17:891) for the score test of a difference; McNemar 1947
(Psychometrika 12:153) through scipy.stats.binomtest for the exact test.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

CORRECTION = 0.25
"""Documents by which the score test is made stricter. Without it, one-sided error at the margin
reaches 1.19 alpha (200 documents, every discordant one a loss); with it, none of the exact error
rates that tests/evals/stats/test_binary.py enumerates exceeds alpha."""


def mcnemar_exact(only_candidate: int, only_reference: int) -> float:
    """Two-sided exact p-value of the hypothesis that both systems are right equally often.

    Args:
        only_candidate: rows that only the candidate has right.
        only_reference: rows that only the reference has right.

    Raises:
        ValueError: when a count is negative.
    """
    from scipy.stats import binomtest

    if min(only_candidate, only_reference) < 0:
        raise ValueError(f"expected counts >= 0, got {only_candidate} and {only_reference}")
    discordant = only_candidate + only_reference
    return float(binomtest(only_candidate, discordant).pvalue) if discordant else 1.0


def tango_z(
    only_candidate: Any, only_reference: Any, rows: Any, difference: Any, correction: float = 0.0
) -> Any:
    """Score statistic of the hypothesis that the share right differs by `difference`.

    Tango 1998, equations 4 to 6; standard normal under the hypothesis. Arguments broadcast.

    Args:
        difference: candidate - reference, in [-1, 1].
        correction: documents to subtract from the candidate's gain, for continuity.
    """
    import numpy as np

    b, c, n, delta = (
        np.asarray(x, dtype=float) for x in (only_candidate, only_reference, rows, difference)
    )
    linear = -b - c + (2 * n - b + c) * delta
    root = np.sqrt(np.maximum(linear**2 + 8 * n * c * delta * (1 - delta), 0))
    # Maximum-likelihood chance that only the reference is right, given the difference.
    lost = np.maximum((root - linear) / (4 * n), np.maximum(0, -delta))
    variance = n * (2 * lost + delta * (1 - delta))
    distance = b - c - n * delta - correction
    # Where the variance is 0 the hypothesis allows no discordant row at all.
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(distance == 0, 0.0, distance / np.sqrt(np.maximum(variance, 0)))


@dataclass(frozen=True)
class TangoLaw:
    """Bounds and p-values for the difference of two paired shares, by the corrected score test."""

    only_candidate: float
    only_reference: float
    rows: float

    def low(self, alpha: float) -> float:
        """Lower bound with error `alpha`: the smallest difference the score test does not reject."""
        from scipy.optimize import brentq

        quantile = NormalDist().inv_cdf(1 - alpha)
        value = (self.only_candidate - self.only_reference) / self.rows
        if value <= -1:
            return -1.0

        def excess(difference: float) -> float:
            return math.atan(self._z(difference)) - math.atan(quantile)

        return float(brentq(excess, -1.0, value, xtol=1e-10))

    def high(self, alpha: float) -> float:
        """Upper bound with error `alpha`."""
        return -self.mirrored().low(alpha)

    def times(self, copies: float) -> TangoLaw:
        """The law of so many times as many documents of the same kind."""
        counts = (self.only_candidate, self.only_reference, self.rows)
        return TangoLaw(*(copies * count for count in counts))

    @property
    def standard_error(self) -> float:
        """Of the difference, by the variance of the paired shares."""
        value = (self.only_candidate - self.only_reference) / self.rows
        spread = (self.only_candidate + self.only_reference) / self.rows - value**2
        return math.sqrt(spread / self.rows)

    def unseen_cost(self, alpha: float) -> float:
        """The margin that so many documents cannot get below, had not one of them been lost."""
        return -TangoLaw(0, 0, self.rows).low(alpha)

    def mirrored(self) -> TangoLaw:
        """The law of reference - candidate."""
        return TangoLaw(self.only_reference, self.only_candidate, self.rows)

    def p_above(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the difference is <= threshold in [-1, 1]."""
        return NormalDist().cdf(-self._z(threshold))

    def p_below(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the difference is >= threshold in [-1, 1]."""
        return self.mirrored().p_above(-threshold)

    def _z(self, difference: float) -> float:
        counts = (self.only_candidate, self.only_reference, self.rows)
        return float(tango_z(*counts, difference, CORRECTION))
