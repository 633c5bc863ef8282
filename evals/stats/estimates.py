"""Intervals for the metric of one system.

Does: two-sided intervals for any metric, and exact one-sided bounds for floors.
Does not: compare systems (evals/stats/paired.py).

Sources: Miller 2024 (arXiv 2411.00640) for resampling documents rather than rows; Clopper and
Pearson 1934 (Biometrika 26:404), through the quantiles of scipy.stats.beta.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from evals.evaluation import Evaluation
from evals.stats.bootstrap import resample
from evals.stats.levels import require_alpha
from evals.stats.totals import cluster_sums, metric_of_sums

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and its n."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int


def estimate(
    evaluation: Evaluation,
    metric_name: str,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    frame: pd.DataFrame | None = None,
) -> Estimate:
    """A metric with its two-sided interval; documents are resampled whole.

    A metric that is 0 or 1, or that rests on one document, has no spread to resample: its interval
    is the exact one of Clopper and Pearson with the number of documents as n.

    Args:
        confidence: of the interval, in (0, 1).
        frame: rows to use instead of all, such as one slice.

    Raises:
        EvidenceError: when there are no rows, the task does not measure the metric, or scores or
            clusters are missing.
        ValueError: when the confidence is out of range.
    """
    metric = evaluation.metric(metric_name)
    used = evaluation.frame if frame is None else frame
    tail = require_alpha((1 - confidence) / 2)
    if used.empty:
        raise EvidenceError(evaluation.system, "expected rows, got none", "Check the data.")
    sums = cluster_sums(used, metric)
    statistic = partial(metric_of_sums, metric)
    value = float(statistic(sums.sum(axis=0)))
    if value in (0.0, 1.0) or len(sums) < 2:
        low, high = share_bounds(value * len(sums), len(sums), tail)
    else:
        law = resample(sums, statistic, resamples=resamples, seed=seed, support=(0.0, 1.0))
        low, high = law.low(tail), law.high(tail)
    return Estimate(value, min(low, value), max(high, value), len(used), len(sums))


def share_bounds(successes: float, trials: float, tail: float) -> tuple[float, float]:
    """Clopper-Pearson bounds, each with error `tail`, for a share of independent trials.

    Args:
        successes, trials: may be fractional, when documents of several rows count as one trial.
    """
    from scipy.stats import beta

    low = 0.0 if successes <= 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = (
        1.0 if successes >= trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    )
    return low, high


def share_estimate(
    evaluation: Evaluation, metric_name: str, alpha: float, frame: pd.DataFrame | None = None
) -> Estimate:
    """A share of rows with one-sided exact bounds at level `alpha` each.

    Rows of one document count as one trial together, so that dependence cannot narrow the bound.

    Args:
        frame: rows to use instead of all, such as one slice.

    Raises:
        EvidenceError: as `estimate`.
        ValueError: when alpha is not in (0, 0.5).
    """
    metric = evaluation.metric(metric_name)
    used = evaluation.frame if frame is None else frame
    if used.empty:
        raise EvidenceError(evaluation.system, "expected rows, got none", "Check the data.")
    sums = cluster_sums(used, metric)
    value, clusters = float(metric_of_sums(metric, sums.sum(axis=0))), len(sums)
    low, high = share_bounds(value * clusters, clusters, require_alpha(alpha))
    return Estimate(value, low, high, len(used), clusters)


def share_p_value(found: Estimate, minimum: float) -> float:
    """One-sided exact p-value of the hypothesis that the share is at most `minimum`.

    It is at most alpha exactly where the lower bound of `share_estimate` at alpha reaches the
    minimum: the binomial tail as an incomplete beta function (Clopper and Pearson 1934).
    """
    from scipy.stats import beta

    successes = found.value * found.clusters
    if successes <= 0:
        return 1.0
    return float(beta.cdf(minimum, successes, found.clusters - successes + 1))
