"""One-sided bounds and p-values for measures of one system, as floors and ceilings need them.

Does: metrics, means over documents, quantiles over documents. Does not: compare systems
(evals/stats/paired.py).

Sources: Clopper and Pearson 1934 (Biometrika 26:404) for shares; Efron 1987 (JASA 82:171) for the
BCa bootstrap; Conover 1999 (Practical Nonparametric Statistics, section 3.2) for quantiles.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from configs.errors import EvidenceError
from evals.evaluation import Evaluation
from evals.stats.bootstrap import resample_guarded
from evals.stats.estimates import share_estimate, share_p_value
from evals.stats.levels import require_alpha
from evals.stats.totals import cluster_sums, metric_of_sums, unseen_document

if TYPE_CHECKING:
    import numpy as np

RESAMPLES_OF_A_MEAN = 10_000


class Interval(Protocol):
    """What every estimate with bounds has."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def clusters(self) -> int: ...
    @property
    def method(self) -> str: ...


@dataclass(frozen=True)
class Bounded:
    """A measure with one-sided bounds, its n, and p-values against any threshold."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str
    p_at_most: Callable[[float], float] = field(repr=False, compare=False)
    """One-sided p-value of the hypothesis that the measure is at most a threshold."""
    p_at_least: Callable[[float], float] = field(repr=False, compare=False)
    """One-sided p-value of the hypothesis that the measure is at least a threshold."""


def bounded_metric(
    evaluation: Evaluation, metric_name: str, *, alpha: float, resamples: int, seed: int
) -> Bounded:
    """A metric of one system with one-sided bounds at level `alpha` each.

    A share of rows has exact bounds. Any other metric is resampled by document, together with one
    document of average size that is all wrong (for the lower bound) or all right (for the upper),
    because what is too rare to be among n documents cannot be resampled.

    Raises:
        EvidenceError: when there are no rows or the task does not measure the metric.
        ValueError: when alpha is not in (0, 0.5).
    """
    metric = evaluation.metric(metric_name)
    require_alpha(alpha)
    if metric.binary:
        found = share_estimate(evaluation, metric_name, alpha)
        return Bounded(
            found.value,
            found.low,
            found.high,
            found.rows,
            found.clusters,
            "Clopper-Pearson, documents as trials",
            partial(share_p_value, found),
            partial(_share_p_at_least, found.value, found.clusters),
        )
    if evaluation.frame.empty:
        raise EvidenceError(evaluation.system, "expected rows, got none", "Check the data.")
    sums = cluster_sums(evaluation.frame, metric)
    return _resampled(
        sums,
        partial(metric_of_sums, metric),
        worst=unseen_document(sums, right=False),
        best=unseen_document(sums, right=True),
        support=(0.0, 1.0),
        alpha=alpha,
        resamples=resamples,
        seed=seed,
        rows=evaluation.rows,
        method="BCa bootstrap of documents",
    )


def bounded_mean(values: np.ndarray, alpha: float, *, rows: int, seed: int = 0) -> Bounded:
    """Mean of one non-negative value per document, with bootstrap bounds.

    A document that costs nothing joins for the lower bound, and for the upper one a document that
    costs twice as much as the dearest, because the dearest need not have been seen.
    """
    import numpy as np

    sums = np.column_stack([values, np.ones(len(values))])
    return _resampled(
        sums,
        lambda totals: totals[..., 0] / totals[..., 1],
        worst=np.array([0.0, 1.0]),
        best=np.array([2 * values.max(), 1.0]),
        support=(0.0, float("inf")),
        alpha=alpha,
        resamples=RESAMPLES_OF_A_MEAN,
        seed=seed,
        rows=rows,
        method="BCa bootstrap of documents",
    )


def bounded_quantile(values: np.ndarray, quantile: float, alpha: float, *, rows: int) -> Bounded:
    """A quantile of one value per document, with distribution-free bounds.

    The number of documents at or below the true quantile is binomial, so order statistics bound it.
    The upper bound is infinite when there are too few documents for any of them to bound it.

    Args:
        quantile: in (0, 1).
    """
    import numpy as np
    from scipy.stats import binom

    n, ordered = len(values), np.sort(values)
    above = int(binom.ppf(1 - require_alpha(alpha), n, quantile))
    below = int(binom.ppf(alpha, n, quantile))
    value = float(np.quantile(ordered, quantile, method="inverted_cdf"))

    def p_at_least(threshold: float) -> float:
        # If the quantile is at or above the threshold, a document is below it with a chance of at
        # most `quantile`.
        return float(binom.sf(int((ordered < threshold).sum()) - 1, n, quantile))

    def p_at_most(threshold: float) -> float:
        return float(binom.cdf(int((ordered <= threshold).sum()), n, quantile))

    return Bounded(
        value,
        float(ordered[below - 1]) if below > 0 else 0.0,
        float(ordered[above]) if above < n else float("inf"),
        rows,
        n,
        "order statistics of documents",
        p_at_most,
        p_at_least,
    )


def _share_p_at_least(value: float, trials: int, maximum: float) -> float:
    from scipy.stats import beta

    failures = (1 - value) * trials
    if failures <= 0:
        return 1.0
    return float(beta.cdf(1 - maximum, failures, trials - failures + 1))


def _resampled(
    sums: np.ndarray,
    statistic: Callable[[Any], Any],
    *,
    worst: np.ndarray,
    best: np.ndarray,
    support: tuple[float, float],
    alpha: float,
    resamples: int,
    seed: int,
    rows: int,
    method: str,
) -> Bounded:
    value = float(statistic(sums.sum(axis=0)))
    lower, upper = resample_guarded(
        sums, statistic, worst, best, resamples=resamples, seed=seed, support=support
    )
    return Bounded(
        value,
        min(value, lower.low(alpha)),
        max(value, upper.high(alpha)),
        rows,
        len(sums),
        method,
        lower.p_above,
        upper.p_below,
    )
