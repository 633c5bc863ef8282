"""Paired difference of two means whose rows depend on each other within documents.

Does: cluster-robust standard errors, and bounds from Student's t that allow for losses never seen.
Does not: handle metrics whose denominator a system influences, such as F1 (evals/stats/bootstrap.py).

Sources: Miller 2024 (arXiv 2411.00640, section 2.2) and Cameron and Miller 2015 (Journal of Human
Resources 50:317, equation 12 and section VI.A) for the standard error and its degrees of freedom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np

SMALLEST_P = 1e-12
"""p-values are reported down to here."""


class RobustDifference(NamedTuple):
    """A mean difference with its cluster-robust standard error."""

    value: float
    standard_error: float
    degrees_of_freedom: int
    """Clusters - 1."""


def cluster_robust_difference(differences: np.ndarray, rows: np.ndarray) -> RobustDifference:
    """Mean over rows of a paired difference, from the sums of each cluster.

    Equal to ordinary least squares on a constant with cluster-robust errors and the correction
    G / (G - 1) of Cameron and Miller 2015.

    Args:
        differences: sum of candidate - reference over the rows of each cluster, shape (clusters,).
        rows: number of rows of each cluster, shape (clusters,).

    Raises:
        ValueError: with fewer than two clusters.
    """
    import numpy as np

    if len(differences) < 2:
        raise ValueError(f"expected at least two clusters, got {len(differences)}")
    value, error = _weighted(differences, rows, np.ones(len(rows)))
    return RobustDifference(value, error, len(rows) - 1)


@dataclass(frozen=True, eq=False)
class RobustLaw:
    """Lower bounds and p-values for a mean difference of scores in [0, 1].

    A loss too rare to be among n documents does not show in a standard error. So a document of
    average size, all lost, joins with the weight that makes the bound right, to second order, when
    the losses of whole documents are a Poisson number (Hall 1982).
    """

    differences: np.ndarray
    """Sum of candidate - reference over the rows of each cluster, turned so that more is better."""
    rows: np.ndarray
    """Rows of each cluster."""

    def low(self, alpha: float) -> float:
        """Lower bound with error `alpha` in (0, 1)."""
        import numpy as np
        from scipy.stats import t

        clusters = len(self.rows)
        if clusters < 2:
            return -1.0
        quantile = float(t.isf(alpha, clusters - 1))
        weight = _guard_weight(max(quantile, 0.0))
        size = float(self.rows.mean())
        value, error = _weighted(
            np.append(self.differences, -size),
            np.append(self.rows, size),
            np.append(np.ones(clusters), weight),
        )
        return max(-1.0, value - quantile * error)

    def high(self, alpha: float) -> float:
        """Upper bound with error `alpha` in (0, 1)."""
        return -self.mirrored().low(alpha)

    def mirrored(self) -> RobustLaw:
        """The law of reference - candidate."""
        return RobustLaw(-self.differences, self.rows)

    def p_above(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the difference is <= threshold: the error rate
        at which the lower bound is the threshold."""
        from scipy.optimize import brentq

        def excess(log_alpha: float) -> float:
            return self.low(math.exp(log_alpha)) - threshold

        least, most = math.log(SMALLEST_P), math.log1p(-SMALLEST_P)
        if excess(least) > 0:
            return SMALLEST_P
        if excess(most) <= 0:
            return 1.0
        return math.exp(float(brentq(excess, least, most, xtol=1e-10)))

    def p_below(self, threshold: float) -> float:
        """One-sided p-value of the hypothesis that the difference is >= threshold."""
        return self.mirrored().p_above(-threshold)


def _guard_weight(quantile: float) -> float:
    """Weight of the lost document, (quantile^2 + 2) / 3.

    The upper bound of a Poisson mean from k events is k + w + quantile * sqrt(k + w) with this w, but
    for terms that vanish as k grows (Hall 1982, Biometrika 69:647, section 2); for small k, w errs
    on the safe side.
    """
    return (quantile**2 + 2) / 3


def _weighted(
    differences: np.ndarray, rows: np.ndarray, weights: np.ndarray
) -> tuple[float, float]:
    """Ratio of weighted sums and its cluster-robust standard error."""
    size = float(weights @ rows)
    value = float(weights @ differences) / size
    clusters = float(weights.sum())
    residuals = differences - value * rows
    variance = clusters / (clusters - 1) * float(weights @ residuals**2)
    return value, math.sqrt(variance) / size
