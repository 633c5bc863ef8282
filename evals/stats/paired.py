"""Paired difference of a metric between two systems that answered the same rows.

Does: refuse what is not paired, choose the method, give bounds and p-values against any threshold.
Does not: decide anything (evals/gate.py).

Sources: Miller 2024 (arXiv 2411.00640) for pairing and clustering; each method's module names its
own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from configs.errors import EvidenceError
from evals.evaluation import Evaluation
from evals.metric import ROWS, Metric
from evals.stats.binary import TangoLaw
from evals.stats.contributions import Contributions, carriers, of_difference
from evals.stats.levels import require_alpha, require_margin
from evals.stats.skew_corrected import SkewCorrectedLaw
from evals.stats.totals import cluster_sums

if TYPE_CHECKING:
    import numpy as np

TANGO = "paired score interval (Tango), continuity-corrected"
SKEW_CORRECTED = "cluster-robust t interval, corrected for skewness, with an unseen loss"


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


@runtime_checkable
class ScalableLaw(Law, Protocol):
    """A law that can also say what more documents of the same kind would show."""

    def times(self, copies: float) -> ScalableLaw:
        """The law of so many times as many documents."""
        ...

    @property
    def standard_error(self) -> float:
        """Of the value."""
        ...

    def unseen_cost(self, alpha: float) -> float:
        """The margin that the documents cannot get below, had not one of them been lost."""
        ...


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
    carriers: int = 0
    """Documents in which there is something to count, of the rarest class for a macro average."""
    contributions: Contributions | None = field(default=None, repr=False, compare=False)
    """What each document adds, in the order of sorted cluster keys, where the method is of that kind."""

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
    candidate: Evaluation, reference: Evaluation, metric_name: str, *, alpha: float
) -> PairedDifference:
    """How much better the candidate is, with one-sided bounds at level `alpha` each.

    Rows that are right or wrong, one per document, get the paired score interval; every other metric
    the skewness-corrected cluster-robust interval (evals/stats/skew_corrected.py), which allows for
    a document that is lost wholly and was not seen. Identical scores of n documents never give an
    interval of width 0: at alpha 0.05 it reaches at least 3/n to either side, and farther where
    documents are of different size.

    Args:
        alpha: one-sided error rate of each bound, in (0, 0.5).

    Raises:
        EvidenceError: when the two did not answer the same rows, the task does not measure the
            metric, or scores or clusters are missing.
        ValueError: when alpha is out of range.
    """
    metric = candidate.metric(metric_name)
    ours, theirs = cluster_sums(candidate.frame, metric), cluster_sums(reference.frame, metric)
    require_paired(candidate, reference)
    return difference_of(metric, ours, theirs, alpha=alpha, rows=candidate.rows)


def difference_of(
    metric: Metric, ours: np.ndarray, theirs: np.ndarray, *, alpha: float, rows: int
) -> PairedDifference:
    """As `paired_difference`, from `cluster_sums` of the same documents in the same order."""
    require_alpha(alpha)
    if not metric.higher_is_better:
        ours, theirs = theirs, ours
    law: Law
    contributions = of_difference(metric, ours, theirs)
    if metric.binary and len(ours) == rows:
        law, method = _tango(ours, theirs), TANGO
    else:
        law, method = SkewCorrectedLaw(contributions), SKEW_CORRECTED
    value = contributions.value
    # A bound may be shifted to the other side of the value, where it says nothing.
    return PairedDifference(
        value=value,
        low=min(value, law.low(alpha)),
        high=max(value, law.high(alpha)),
        rows=rows,
        clusters=len(ours),
        method=method,
        law=law,
        carriers=carriers(metric, ours, theirs),
        contributions=contributions,
    )


def is_mean(metric: Metric) -> bool:
    """Whether the metric is the mean of one score over rows."""
    return len(metric.ratios) == 1 and metric.ratios[0].denominator == {ROWS: 1.0}


def _tango(ours: np.ndarray, theirs: np.ndarray) -> TangoLaw:
    better, worse = (ours[:, 0] > theirs[:, 0]).sum(), (ours[:, 0] < theirs[:, 0]).sum()
    return TangoLaw(int(better), int(worse), len(ours))
