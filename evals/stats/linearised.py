"""What each document adds to a metric, to first order (delta method).

Does: turn a ratio of sums into one number per document, whose spread gives the standard error.
Does not: build intervals.

Source: Miller 2024 (arXiv 2411.00640) for clustered errors; Cochran 1977 (Sampling Techniques,
section 6.3) for the linearised ratio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.evaluation import Evaluation
from evals.metric import Metric
from evals.stats.totals import PARTS, cluster_sums

if TYPE_CHECKING:
    import numpy as np


def influence(metric: Metric, sums: np.ndarray) -> np.ndarray:
    """Influence of each document: (n_i - (N / D) d_i) / mean(d), averaged over the ratios.

    Their mean is 0; the standard error of the metric is their standard deviation over the square
    root of the number of documents.

    Args:
        sums: `cluster_sums` of the metric, (clusters, 3 * ratios).
    Returns:
        Array (clusters,); zeros where there was nothing to count.
    """
    import numpy as np

    top, bottom = sums[:, 0::PARTS], sums[:, 1::PARTS]
    counted = bottom.sum(axis=0) > 0
    if not counted.any():
        return np.zeros(len(sums))
    top, bottom = top[:, counted], bottom[:, counted]
    ratio = top.sum(axis=0) / bottom.sum(axis=0)
    return np.asarray(((top - ratio * bottom) / bottom.mean(axis=0)).mean(axis=1))


def deviation(evaluation: Evaluation, metric: Metric) -> float:
    """Standard deviation of a document's influence on a metric of one system; 0 for one document."""
    return _spread(influence(metric, cluster_sums(evaluation.frame, metric)))


def paired_deviation(candidate: Evaluation, reference: Evaluation, metric: Metric) -> float:
    """Standard deviation of a document's influence on candidate - reference, on the same rows."""
    ours, theirs = (
        influence(metric, cluster_sums(e.frame, metric)) for e in (candidate, reference)
    )
    return _spread(ours - theirs)


def _spread(values: np.ndarray) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else 0.0
