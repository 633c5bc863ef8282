"""Paired difference of a metric between two systems that answered the same rows.

Does: refuse what is not paired, choose the method, give bounds and p-values against any threshold.
Does not: decide anything (evals/gate.py).

Sources: Miller 2024 (arXiv 2411.00640) for pairing and clustering; each method's module names its
own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from configs.errors import EvidenceError
from evals.evaluation import Evaluation
from evals.metric import ROWS, Metric
from evals.stats.binary import TangoLaw
from evals.stats.bootstrap import BootstrapLaw, resample_guarded
from evals.stats.cluster_robust import RobustLaw
from evals.stats.levels import require_alpha, require_margin
from evals.stats.totals import PARTS, cluster_sums, metric_of_sums, unseen_document

if TYPE_CHECKING:
    import numpy as np

DRAWS_BEYOND = 50
"""Resamples beyond a percentile bound. Where scores are identical, the bound is the smallest draw,
and with so many it reaches the exact bound for a loss never seen."""

TANGO = "paired score interval (Tango), continuity-corrected"
ROBUST = "cluster-robust t interval with an unseen loss"
BOOTSTRAP = "BCa bootstrap of documents with an unseen loss"


class Law(Protocol):
    """What every method gives."""

    def low(self, alpha: float) -> float:
        """Lower bound with error alpha."""
        ...

    def high(self, alpha: float) -> float:
        """Upper bound with error alpha."""
        ...

    def p_above(self, threshold: float) -> float:
        """p-value of the hypothesis that the difference is <= threshold."""
        ...

    def p_below(self, threshold: float) -> float:
        """p-value of the hypothesis that the difference is >= threshold."""
        ...


@dataclass(frozen=True)
class GuardedBootstrap:
    """Two bootstrap laws: with a worst document for lower bounds, with a best one for upper."""

    lower: BootstrapLaw
    upper: BootstrapLaw

    def low(self, alpha: float) -> float:
        """Lower bound with error alpha."""
        return self.lower.low(alpha)

    def high(self, alpha: float) -> float:
        """Upper bound with error alpha."""
        return self.upper.high(alpha)

    def p_above(self, threshold: float) -> float:
        """p-value of the hypothesis that the difference is <= threshold."""
        return self.lower.p_above(threshold)

    def p_below(self, threshold: float) -> float:
        """p-value of the hypothesis that the difference is >= threshold."""
        return self.upper.p_below(threshold)


@dataclass(frozen=True)
class PairedDifference:
    """How much better the candidate is, with one-sided bounds, its n, and p-values.

    Positive is better: for a metric where lower is better it is reference - candidate.
    """

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str
    law: Law = field(repr=False, compare=False)

    def p_worse_than(self, margin: float) -> float:
        """One-sided p-value of the hypothesis that the difference is <= -margin.

        At most the alpha of the bounds exactly where `low` > -margin, up to rounding.

        Raises:
            ValueError: when the margin is not in [0, 1).
        """
        threshold = -require_margin(margin)
        return _not_beyond(self.value > threshold, self.law.p_above(threshold))

    def p_better_than(self, limit: float) -> float:
        """One-sided p-value of the hypothesis that the difference is >= limit.

        Args:
            limit: of either sign; a margin for equivalence, -margin to show that a rule is broken.

        Raises:
            ValueError: when the limit is not in (-1, 1).
        """
        if not -1 < limit < 1:
            raise ValueError(f"limit: expected a difference in (-1, 1), got {limit}")
        return _not_beyond(self.value < limit, self.law.p_below(limit))


def _not_beyond(beyond: bool, p_value: float) -> float:
    """A value on the wrong side of the threshold is no evidence, wherever bounds are clipped."""
    return min(1.0, p_value) if beyond else max(0.5, p_value)


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
        odd = sorted({str(row) for row, _ in left.items() ^ right.items()})
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
    metric_name: str,
    *,
    alpha: float,
    resamples: int,
    seed: int,
) -> PairedDifference:
    """How much better the candidate is, with one-sided bounds at level `alpha` each.

    Rows that are right or wrong, one per document, get the paired score interval. Means over rows
    of several per document get the cluster-robust t interval, all other metrics the BCa bootstrap
    of documents. A loss too rare to be among n documents shows neither in a standard error nor in
    resamples: with 30 documents a plain bootstrap promotes a candidate that is worse by 3 points in
    40% of cases. So one document of average size that the candidate gets all wrong and the
    reference all right joins for the lower bound, and its mirror image for the upper one. Identical
    scores of n documents never give an interval of width 0; at alpha 0.05, where the exact bound for
    a loss never seen is 3/n, the score interval reaches about 3.2/n, the t interval 3.6/n and the
    bootstrap 5/n to either side.

    Args:
        alpha: one-sided error rate of each bound, in (0, 0.5).
        resamples: of the bootstrap; at least 50 / alpha are drawn.
        seed: of the bootstrap.

    Raises:
        EvidenceError: when the two did not answer the same rows, the task does not measure the
            metric, or scores or clusters are missing.
        ValueError: when alpha is out of range.
    """
    require_alpha(alpha)
    metric = candidate.metric(metric_name)
    ours, theirs = cluster_sums(candidate.frame, metric), cluster_sums(reference.frame, metric)
    require_paired(candidate, reference)
    if not metric.higher_is_better:
        ours, theirs = theirs, ours
    value = float(
        metric_of_sums(metric, ours.sum(axis=0)) - metric_of_sums(metric, theirs.sum(axis=0))
    )
    law: Law
    if metric.binary and len(ours) == candidate.rows:
        law, method = _tango(ours, theirs), TANGO
    elif is_mean(metric):
        law, method = RobustLaw(ours[:, 0] - theirs[:, 0], ours[:, 1]), ROBUST
    else:
        law = _bootstrap(metric, ours, theirs, resamples=resamples, seed=seed, alpha=alpha)
        method = BOOTSTRAP
    # A bound may be shifted to the other side of the value, where it says nothing.
    return PairedDifference(
        value=value,
        low=min(value, law.low(alpha)),
        high=max(value, law.high(alpha)),
        rows=candidate.rows,
        clusters=len(ours),
        method=method,
        law=law,
    )


def is_mean(metric: Metric) -> bool:
    """Whether the metric is the mean of one score over rows."""
    return len(metric.ratios) == 1 and metric.ratios[0].denominator == {ROWS: 1.0}


def difference_of_sums(metric: Metric, totals: Any) -> Any:
    """Difference of a metric from the sums of both systems side by side, shape (..., 2 * columns)."""
    columns = PARTS * len(metric.ratios)
    return metric_of_sums(metric, totals[..., :columns]) - metric_of_sums(
        metric, totals[..., columns:]
    )


def _tango(ours: np.ndarray, theirs: np.ndarray) -> TangoLaw:
    better, worse = (ours[:, 0] > theirs[:, 0]).sum(), (ours[:, 0] < theirs[:, 0]).sum()
    return TangoLaw(int(better), int(worse), len(ours))


def _bootstrap(
    metric: Metric,
    ours: np.ndarray,
    theirs: np.ndarray,
    *,
    resamples: int,
    seed: int,
    alpha: float,
) -> GuardedBootstrap:
    import numpy as np

    lower, upper = resample_guarded(
        np.hstack([ours, theirs]),
        partial(difference_of_sums, metric),
        worst=np.concatenate(
            [unseen_document(ours, right=False), unseen_document(theirs, right=True)]
        ),
        best=np.concatenate(
            [unseen_document(ours, right=True), unseen_document(theirs, right=False)]
        ),
        resamples=max(resamples, math.ceil(DRAWS_BEYOND / alpha)),
        seed=seed,
        support=(-1.0, 1.0),
    )
    return GuardedBootstrap(lower, upper)
