"""Intervals that know that rows of one document depend on each other.

Does: metric values, cluster-bootstrap intervals, paired differences, exact bounds for shares.
Does not: decide anything (evals/gate.py).

Sources: Miller 2024 (arXiv 2411.00640) for paired, clustered comparison of evaluations; Efron 1987
for the BCa bootstrap (through scipy.stats.bootstrap); Clopper and Pearson 1934 (through
scipy.stats.beta).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from configs.errors import EvidenceError
from evals.evaluation import Evaluation

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

RATIO_WEIGHTS: dict[str, tuple[tuple[float, float, float], tuple[float, float, float]]] = {
    "micro_f1": ((2, 0, 0), (2, 1, 1)),
    "micro_precision": ((1, 0, 0), (1, 1, 0)),
    "micro_recall": ((1, 0, 0), (1, 0, 1)),
}
"""Metric -> weights of (tp, fp, fn) in the numerator and in the denominator."""

SHARES = ("valid_json", "schema_conformance", "exact_match")
METRICS = (*RATIO_WEIGHTS, *SHARES)

GATHERED = 1_000_000
"""Cluster sums gathered at once while resampling; bounds memory to some tens of MB."""


@dataclass(frozen=True)
class Estimate:
    """A value with its interval and its n."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int


def _cluster_sums(frame: pd.DataFrame, metric: str, field: str | None) -> np.ndarray:
    """Per cluster: numerator and denominator of the metric, and the gold items missed.

    Returns:
        Array of clusters x 3, which `_ratio` turns into the metric.
    """
    import numpy as np
    import pandas as pd

    if metric in RATIO_WEIGHTS:
        suffix = f".{field}" if field else ""
        counts = frame[[f"tp{suffix}", f"fp{suffix}", f"fn{suffix}"]].to_numpy(dtype=float)
        top, bottom = (counts @ list(weights) for weights in RATIO_WEIGHTS[metric])
        missed = counts[:, 2]
    elif metric in SHARES:
        top = frame[metric].to_numpy(dtype=float)
        bottom, missed = top * 0 + 1, top * 0
    else:
        raise ValueError(f"metric: expected one of {METRICS}, got {metric!r}")
    sums = pd.DataFrame({"top": top, "bottom": bottom, "missed": missed})
    per_cluster = sums.groupby(frame["cluster"].to_numpy(), sort=True).sum()
    return np.asarray(per_cluster.to_numpy(dtype=float))


def _ratio(sums: Any) -> Any:
    """The metric from sums (..., 3), see `_cluster_sums`.

    Where the denominator is 0: 1 if there was nothing to find, 0 if something was missed, so that a
    model that claims nothing does not have full precision.
    """
    import numpy as np

    top, bottom, missed = sums[..., 0], sums[..., 1], sums[..., 2]
    return np.where(bottom > 0, top / np.where(bottom > 0, bottom, 1), missed == 0)


def metric_value(frame: pd.DataFrame, metric: str, field: str | None = None) -> float:
    """Value of a metric over all rows of a frame, in [0, 1].

    Args:
        metric: one of `METRICS`; micro-F1 is 2 tp / (2 tp + fp + fn), pooled over rows.
        field: count this field only; None for all.
    """
    return float(_ratio(_cluster_sums(frame, metric, field).sum(axis=0)))


def estimate(
    evaluation: Evaluation,
    metric: str,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    field: str | None = None,
    frame: pd.DataFrame | None = None,
) -> Estimate:
    """A metric with its two-sided interval; documents are resampled whole.

    A metric that is 0 or 1, or that rests on one document, has no spread to resample: its interval
    is the exact one of Clopper and Pearson with the number of documents as n.

    Args:
        frame: rows to use instead of all, such as one slice.
    Raises:
        EvidenceError: when there are no rows.
    """
    used = evaluation.frame if frame is None else frame
    if used.empty:
        raise EvidenceError(evaluation.system, "expected rows, got none", "Check the data.")
    sums = _cluster_sums(used, metric, field)
    value = float(_ratio(sums.sum(axis=0)))
    tail = (1 - confidence) / 2
    if value in (0.0, 1.0) or len(sums) < 2:
        low, high = share_bounds(value * len(sums), len(sums), tail)
    else:
        low, high = _bootstrap(sums, _ratio, tail, resamples, seed)
    return Estimate(value, low, high, len(used), len(sums))


def share_bounds(successes: float, trials: int, tail: float) -> tuple[float, float]:
    """Clopper-Pearson bounds, each with error `tail`, for a share of independent trials.

    Args:
        successes: may be fractional, when documents of several rows count as one trial.
    """
    from scipy.stats import beta

    low = 0.0 if successes <= 0 else float(beta.ppf(tail, successes, trials - successes + 1))
    high = (
        1.0 if successes >= trials else float(beta.ppf(1 - tail, successes + 1, trials - successes))
    )
    return low, high


def share_estimate(evaluation: Evaluation, metric: str, alpha: float) -> Estimate:
    """A share of rows with one-sided exact bounds at level `alpha` each.

    Rows of one document count as one trial together, so that dependence cannot narrow the bound.
    """
    value = metric_value(evaluation.frame, metric)
    clusters = evaluation.clusters
    low, high = share_bounds(value * clusters, clusters, alpha)
    return Estimate(value, low, high, evaluation.rows, clusters)


def require_paired(candidate: Evaluation, reference: Evaluation) -> None:
    """Refuse to compare evaluations that did not answer the same rows.

    Raises:
        EvidenceError: naming what differs.
    """
    where = f"{candidate.system} and {reference.system}"
    left = dict(zip(candidate.frame["id"], candidate.frame["cluster"], strict=True))
    right = dict(zip(reference.frame["id"], reference.frame["cluster"], strict=True))
    if not left or not right:
        raise EvidenceError(where, "expected rows on both sides, got none", "Check the data.")
    if len(left) < candidate.rows or len(right) < reference.rows:
        raise EvidenceError(where, "expected unique ids, got repeated ones", "Check the data.")
    if left != right:
        odd = sorted({row for row, _ in left.items() ^ right.items()})
        shown = ", ".join(odd[:5])
        raise EvidenceError(
            where,
            f"expected the same rows on both sides, got {len(odd)} that differ: {shown}",
            "Evaluate both on the same file.",
        )
    for fact in ("task", "data_digest"):
        ours, theirs = getattr(candidate, fact), getattr(reference, fact)
        if ours != theirs:
            raise EvidenceError(
                f"{where}: {fact}",
                f"expected the same, got {ours} and {theirs}",
                "Evaluate both on the same file.",
            )


def paired_difference(
    candidate: Evaluation,
    reference: Evaluation,
    metric: str,
    *,
    alpha: float,
    resamples: int,
    seed: int,
) -> Estimate:
    """candidate - reference, with one-sided bounds at level `alpha` each.

    Both systems' scores of a document are resampled together. A loss too rare to be among n
    documents cannot be resampled either: with 30 documents a plain bootstrap promotes a candidate
    that is worse by 3 points in 40% of cases. So one document of average size that the candidate
    gets all wrong and the reference all right joins the resampling for the lower bound, and its
    mirror image for the upper one. Identical scores of n documents give at most [-5/n, 5/n] at
    alpha 0.05 (the exact bound for a loss never seen is 3/n), not [0, 0].

    Raises:
        EvidenceError: when the two did not answer the same rows.
    """
    import numpy as np

    require_paired(candidate, reference)
    ours = _cluster_sums(candidate.frame, metric, None)
    theirs = _cluster_sums(reference.frame, metric, None)

    def difference(totals: Any) -> Any:
        return _ratio(totals[..., :3]) - _ratio(totals[..., 3:])

    sums = np.hstack([ours, theirs])
    value = float(difference(sums.sum(axis=0)))
    ours_full, theirs_full = ours[:, 1].mean(), theirs[:, 1].mean()
    worst = [0, ours_full, 0, theirs_full, theirs_full, 0]
    best = [ours_full, ours_full, 0, 0, theirs_full, 0]
    low, _ = _bootstrap(np.vstack([sums, worst]), difference, alpha, resamples, seed)
    _, high = _bootstrap(np.vstack([sums, best]), difference, alpha, resamples, seed)
    # BCa may shift both bounds to one side of the value; a bound on the wrong side says nothing.
    return Estimate(value, min(low, value), max(high, value), candidate.rows, candidate.clusters)


def _bootstrap(
    sums: np.ndarray, statistic: Any, tail: float, resamples: int, seed: int
) -> tuple[float, float]:
    """BCa bounds with error `tail` on each side; percentile bounds where BCa is undefined.

    BCa is undefined when all resamples give one value, or almost all lie on one side of it.

    Args:
        sums: at least two clusters x columns; `statistic` maps column totals (..., columns) to
            values (...).
    """
    import numpy as np
    from scipy.stats import DegenerateDataWarning, bootstrap

    def of_indices(indices: Any, axis: int = -1) -> Any:
        return statistic(sums[indices].sum(axis=axis - 1 if axis < 0 else axis))

    def bounds(method: str) -> Any:
        return bootstrap(
            (np.arange(len(sums)),),
            of_indices,
            n_resamples=resamples,
            batch=max(1, GATHERED // len(sums)),
            method=method,
            confidence_level=1 - 2 * tail,
            vectorized=True,
            rng=np.random.default_rng(seed),
        ).confidence_interval

    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)
        interval = bounds("BCa")
    if not (np.isfinite(interval.low) and np.isfinite(interval.high)):
        interval = bounds("percentile")
    return float(interval.low), float(interval.high)
