"""Intervals for shares of rows, with documents as what was sampled.

Sources: Clopper and Pearson 1934 (Biometrika 26:404), through scipy; Miller 2024 (arXiv 2411.00640)
for resampling documents rather than rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from finetune.data_checks.findings import Number

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[np.float64]]

RESAMPLES = 1000
CONFIDENCE = 0.95
INTERVAL = "95 % interval"


def share_interval(successes: int, trials: int) -> tuple[float, float]:
    """Exact 95 % interval of a share of independent trials, 0 to 1."""
    from scipy.stats import binomtest

    interval = binomtest(successes, trials).proportion_ci(CONFIDENCE, method="exact")
    return float(interval.low), float(interval.high)


def document_sums(values: Sequence[Sequence[float]], documents: Sequence[str]) -> Array:
    """Per-row values (rows x values) summed over each document (documents x values)."""
    import numpy as np

    _, codes = np.unique(np.asarray(documents, dtype=object).astype(str), return_inverse=True)
    sums = np.zeros((int(codes.max()) + 1, len(values[0])))
    np.add.at(sums, codes, np.asarray(values, dtype=float))
    return sums


def bootstrap(
    sums: Array,
    statistic: Callable[[Array], Array],
    seed: int,
) -> tuple[float, float]:
    """95 % percentile interval of a statistic of the documents' total.

    Args:
        sums: documents x values.
        statistic: from totals (resamples x values) to one figure per resample.
    """
    import numpy as np

    rng = np.random.default_rng(seed)
    documents = len(sums)
    weights = rng.multinomial(documents, np.full(documents, 1 / documents), size=RESAMPLES)
    tail = 100 * (1 - CONFIDENCE) / 2
    low, high = np.percentile(statistic(weights @ sums), [tail, 100 - tail])
    return float(low), float(high)


def share_of_rows(name: str, hits: Sequence[bool], documents: Sequence[str], seed: int) -> Number:
    """The share of rows that are hits, 0 to 1, with its interval.

    Exact when every row is its own document, or when all rows or none are hits (with the number of
    documents as n); otherwise documents are resampled.
    """
    value = sum(hits) / len(hits)
    n = len(set(documents))
    if n == len(hits):
        low, high = share_interval(sum(hits), n)
    elif value in (0.0, 1.0):
        low, high = share_interval(round(value * n), n)
    else:
        sums = document_sums([[float(hit), 1.0] for hit in hits], documents)
        low, high = bootstrap(sums, lambda totals: totals[:, 0] / totals[:, 1], seed)
    return Number(
        name=name, value=value, low=low, high=high, range_of=INTERVAL, n=n, n_unit="documents"
    )
