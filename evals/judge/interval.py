"""A value with one-sided bounds, from documents resampled whole.

Does: bounds of a mean and of any statistic of sums. Does not: know what is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from configs.strict_model import StrictModel

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 2000


class Interval(StrictModel):
    """A value with its bounds."""

    value: float
    low: float
    """One-sided lower confidence bound."""
    high: float
    """One-sided upper confidence bound."""


def sums_by_document(columns: np.ndarray, clusters: Sequence[str]) -> np.ndarray:
    """Columns (rows, k) summed per cluster, (clusters, k), in the order of sorted keys."""
    import numpy as np

    keys, places = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    sums = np.zeros((len(keys), columns.shape[1]))
    np.add.at(sums, places, columns)
    return sums


def resampled_interval(
    sums: np.ndarray,
    statistic: Callable[[Any], Any],
    *,
    worst: np.ndarray,
    best: np.ndarray,
    rows: int,
    support: tuple[float, float],
    alpha: float,
    seed: int,
) -> Interval:
    """Bounds with error `alpha` each, documents resampled whole.

    One document that was not observed joins, the worst for the lower bound and the best for the
    upper: what is too rare to be among n documents cannot be resampled, so that a judge without an
    error in ten documents would otherwise be proved perfect.

    Args:
        sums: (documents, columns).
        statistic: maps totals (..., columns) to values (...).
        worst: columns of one row of the worst kind.
        best: columns of one row of the best kind.
        rows: behind `sums`; the document that joins has as many as an average one.
        support: smallest and largest value of the statistic.
    """
    from evals.stats.bootstrap import resample_guarded

    size = rows / len(sums)
    lower, upper = resample_guarded(
        sums, statistic, worst * size, best * size,
        resamples=RESAMPLES, seed=seed, support=support,
    )  # fmt: skip
    value = float(statistic(sums.sum(axis=0)))
    return Interval(
        value=value, low=min(value, lower.low(alpha)), high=max(value, upper.high(alpha))
    )


def mean_interval(
    values: np.ndarray,
    clusters: Sequence[str],
    *,
    support: tuple[float, float],
    alpha: float,
    seed: int = 0,
) -> Interval:
    """Mean over rows, as `resampled_interval`.

    Args:
        values: shape (rows,), at least one.
        support: smallest and largest value that a row can have.
    """
    import numpy as np

    columns = np.column_stack([values, np.ones(len(values))])
    return resampled_interval(
        sums_by_document(columns, clusters),
        lambda totals: totals[..., 0] / np.maximum(totals[..., 1], 1e-12),
        worst=np.array([support[0], 1.0]),
        best=np.array([support[1], 1.0]),
        rows=len(values),
        support=support,
        alpha=alpha,
        seed=seed,
    )
