"""How large a test set must be, and what one of a given size can show.

Does: power, minimum detectable effect and required number of documents of a non-inferiority test;
intra-cluster correlation and design effect. Does not: run the test (evals/stats/paired.py).

Sources: Chow, Shao and Wang 2008 (Sample Size Calculations in Clinical Research, chapter 3); Donner
1986 (International Statistical Review 54:67) and Kish 1965 (Survey Sampling) for clusters.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from evals.stats.levels import require_alpha, require_margin

if TYPE_CHECKING:
    import numpy as np

_NORMAL = NormalDist()


def required_clusters(
    deviation: float, margin: float, true_difference: float, *, alpha: float, power: float
) -> int | None:
    """Documents needed for a non-inferiority test to succeed with a chance of `power`.

    n = ((z_alpha + z_power) * deviation / (true_difference + margin))^2.

    Args:
        deviation: standard deviation of a document's (linearised) paired difference.
        margin: acceptable loss, >= 0.
        true_difference: candidate - reference to plan for.
        alpha: one-sided error rate, in (0, 0.5).
        power: in (0, 1).
    Returns:
        At least 2; None when the true difference is at the margin or below it, where no number
        helps.
    """
    distance = true_difference + require_margin(margin)
    if distance <= 0:
        return None
    quantiles = _NORMAL.inv_cdf(1 - require_alpha(alpha)) + _NORMAL.inv_cdf(power)
    return max(2, math.ceil((quantiles * deviation / distance) ** 2))


def minimum_detectable_effect(
    deviation: float, clusters: int, *, alpha: float, power: float
) -> float:
    """Smallest distance from the margin that so many documents show with a chance of `power`."""
    quantiles = _NORMAL.inv_cdf(1 - require_alpha(alpha)) + _NORMAL.inv_cdf(power)
    return quantiles * deviation / math.sqrt(clusters)


def power_of_noninferiority(
    deviation: float, clusters: int, margin: float, true_difference: float, *, alpha: float
) -> float:
    """Chance that the lower bound is above -margin, in [0, 1]; normal approximation."""
    distance = true_difference + require_margin(margin)
    if deviation == 0:
        return float(distance > 0)
    shift = distance * math.sqrt(clusters) / deviation
    return _NORMAL.cdf(shift - _NORMAL.inv_cdf(1 - require_alpha(alpha)))


def intra_cluster_correlation(values: np.ndarray, clusters: np.ndarray) -> float:
    """Share of the variance that lies between clusters: the one-way ANOVA estimator (Donner 1986).

    Args:
        values: one score per row.
        clusters: the cluster of each row.
    Returns:
        In [-1, 1]; 0 when no cluster has two rows, or no score differs.
    """
    import numpy as np
    import pandas as pd

    groups = pd.Series(np.asarray(values, dtype=float)).groupby(np.asarray(clusters))
    sizes, means = groups.size().to_numpy(), groups.mean().to_numpy()
    rows, count = int(sizes.sum()), len(sizes)
    if rows == count or count < 2:
        return 0.0
    within = float(groups.apply(lambda scores: ((scores - scores.mean()) ** 2).sum()).sum())
    mean_within = within / (rows - count)
    mean_between = float((sizes * (means - np.mean(values)) ** 2).sum()) / (count - 1)
    usual_size = (rows - float((sizes**2).sum()) / rows) / (count - 1)
    spread = mean_between + (usual_size - 1) * mean_within
    return (mean_between - mean_within) / spread if spread > 0 else 0.0


def design_effect(rows_per_cluster: float, correlation: float) -> float:
    """How many times more rows are needed than if all were independent: 1 + (m - 1) ICC (Kish 1965)."""
    return 1 + (rows_per_cluster - 1) * correlation
