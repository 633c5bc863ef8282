"""Metrics from sums: what a document contributes, and the metric of any collection of documents.

Does: sum the columns of a metric per cluster, and turn such sums into the metric.
Does not: estimate uncertainty (evals/stats/estimates.py, evals/stats/paired.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from configs.errors import EvidenceError
from evals.metric import ROWS, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

PARTS = 3
"""Columns of sums per ratio: numerator, denominator, missed."""

SHOWN = 5
"""Most ids named in an error."""


def cluster_sums(frame: pd.DataFrame, metric: Metric) -> np.ndarray:
    """What each cluster adds to a metric.

    Args:
        frame: rows with `id`, `cluster` and the columns that the metric names.

    Returns:
        Array (clusters, 3 * ratios), clusters in the order of their sorted keys; per ratio its
        numerator, its denominator and what was missed.

    Raises:
        EvidenceError: when a column is absent, a score is not a finite number, or a row has no
            cluster; the rows are named.
    """
    import numpy as np
    import pandas as pd

    _require_columns(frame, metric)
    parts = {
        (place, part): _weighted(frame, weights)
        for place, ratio in enumerate(metric.ratios)
        for part, weights in enumerate((ratio.numerator, ratio.denominator, ratio.missed))
    }
    keys = frame["cluster"].to_numpy()
    return np.asarray(pd.DataFrame(parts).groupby(keys, sort=True).sum().to_numpy(dtype=float))


def metric_of_sums(metric: Metric, sums: Any) -> Any:
    """The metric of sums (..., 3 * ratios), such as those of `cluster_sums`; shape (...).

    A ratio whose denominator is 0 is 0 if something was missed, so that a model that claims nothing
    does not have full precision. Ratios with nothing to count at all are left out of the mean, and
    if none is left the metric is 1.
    """
    import numpy as np

    parts = np.asarray(sums, dtype=float)
    parts = parts.reshape(*parts.shape[:-1], len(metric.ratios), PARTS)
    top, bottom, missed = parts[..., 0], parts[..., 1], parts[..., 2]
    counted = (bottom > 0) | (missed > 0)
    ratios = np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1.0), 0.0)
    present = counted.sum(axis=-1)
    return np.where(present > 0, ratios.sum(axis=-1) / np.where(present > 0, present, 1), 1.0)


def metric_value(frame: pd.DataFrame, metric: Metric) -> float:
    """The metric over all rows of a frame, in [0, 1]; raises what `cluster_sums` raises."""
    return float(metric_of_sums(metric, cluster_sums(frame, metric).sum(axis=0)))


def unseen_document(sums: np.ndarray, *, right: bool) -> np.ndarray:
    """What one more document of average size would add, all right or all wrong.

    What is too rare to be among the documents shows in no resample and no variance of them; such a
    document stands for it.

    Args:
        sums: as `cluster_sums` returns them, (clusters, 3 * ratios).
    Returns:
        Array (3 * ratios,).
    """
    import numpy as np

    sizes = sums.mean(axis=0)[1::PARTS]
    nothing = np.zeros_like(sizes)
    parts = (sizes, sizes, nothing) if right else (nothing, sizes, sizes)
    return np.column_stack(parts).ravel()


def _weighted(frame: pd.DataFrame, weights: Mapping[str, float]) -> np.ndarray:
    import numpy as np

    total = np.zeros(len(frame))
    for column, weight in weights.items():
        total += weight * (1.0 if column == ROWS else frame[column].to_numpy(dtype=float))
    return total


def _require_columns(frame: pd.DataFrame, metric: Metric) -> None:
    import numpy as np

    absent = [name for name in ("id", "cluster", *metric.columns) if name not in frame.columns]
    if absent:
        raise EvidenceError(
            metric.name,
            f"expected the columns it is computed from, got none of {', '.join(absent)}",
            "Run `pawl evaluate` again.",
        )
    keys = frame["cluster"]
    _refuse(
        frame, keys.isna() | (keys == ""), "cluster",
        "expected the key of a document in every row, got none",
        "Give every row of the test set its cluster.",
    )  # fmt: skip
    for column in metric.columns:
        try:
            scores = frame[column].to_numpy(dtype=float, na_value=np.nan)
        except (ValueError, TypeError):
            _refuse(
                frame, frame[column].map(lambda value: isinstance(value, str)),
                f"{metric.name}: {column}", "expected a number in every row, got text",
                "Evaluate these rows again.",
            )  # fmt: skip
            raise
        _refuse(
            frame, ~np.isfinite(scores), f"{metric.name}: {column}",
            "expected a finite score in every row, got none",
            "Evaluate these rows again.",
        )  # fmt: skip


def _refuse(frame: pd.DataFrame, wrong: Any, where: str, problem: str, action: str) -> None:
    """Raise if any row is wrong, naming the first of them."""
    ids = [str(row) for row in frame["id"][wrong]]
    if ids:
        raise EvidenceError(
            where, f"{problem} in {len(ids)}: {', '.join(sorted(ids)[:SHOWN])}", action
        )
