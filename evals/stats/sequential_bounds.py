"""What is known of a gain after some of the documents, with error rates kept over every look.

Does: bounds and anytime p-values per look, by a few group-sequential looks or by betting. Does not:
choose the order of documents or stop (evals/sequential_checks.py).

Group-sequential: at each look the bounds are those of complete evaluations (evals/stats/paired.py,
evals/stats/one_sample.py) at that look's level (evals/stats/group_sequential.py), with each document
asked answering for those of its size that were not asked yet. Betting: evals/stats/betting.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.asked_documents import answering_for
from evals.stats.betting import Bets
from evals.stats.contributions import carriers, document_weights
from evals.stats.group_sequential import Spending, look_levels
from evals.stats.one_sample import bounded_value
from evals.stats.paired import Law, difference_of
from evals.stats.skew_corrected import SkewCorrectedLaw

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SequentialBounds:
    """What is known after some batches."""

    clusters: int
    value: float
    low: float
    high: float
    shown: bool = False
    """Whether the value is shown to be above the threshold."""
    excluded: bool = False
    """Whether it is shown to be below the threshold."""
    carriers: int = 0
    """Documents so far in which there is something to count."""


@dataclass(frozen=True, eq=False)
class Asked:
    """The documents asked so far, in their order, and the whole test set."""

    candidate: np.ndarray
    """`cluster_sums` of the candidate, (documents asked, 3 * ratios)."""
    reference: np.ndarray | None
    """Those of the reference on the same documents; None to bound the candidate's own metric."""
    rows: np.ndarray
    """Rows of each document asked."""
    complete: np.ndarray
    """`cluster_sums` of a complete evaluation, in the order in which documents are asked: how large
    the documents are that were not asked yet."""


def group_sequential_bounds(
    metric: Metric,
    asked: Asked,
    threshold: float,
    *,
    alpha: float,
    looks: Sequence[int],
    ends: Sequence[int],
    spending: Spending,
) -> list[SequentialBounds]:
    """Bounds after each batch; they change at looks only and hold at all of them at once.

    Args:
        threshold: what the value must be shown to be above or below.
        alpha: error rate of each side over all looks, in (0, 0.5).
        looks: documents at each look, rising; the last is all of them.
        ends: documents after each batch, rising.
        spending: how alpha is spent over the looks.
    """
    total = len(asked.complete)
    levels = look_levels(alpha, tuple(look / total for look in looks), spending)
    floor = 0.0 if asked.reference is None else -1.0
    known = SequentialBounds(0, float("nan"), floor, 1.0)
    history = []
    at_look = dict(zip(looks, levels, strict=True))
    for end in ends:
        level = at_look.get(end, 0.0)
        law, value, carrying = _law(metric, asked, end)
        known = replace(known, clusters=end, value=value, carriers=carrying)
        if level > 0:
            low, high = max(known.low, law.low(level)), min(known.high, law.high(level))
            known = replace(
                known,
                low=low,
                high=high,
                shown=known.shown or low > threshold,
                excluded=known.excluded or high < threshold,
            )
        history.append(replace(known, low=min(known.low, value), high=max(known.high, value)))
    return history


def betting_bounds(
    metric: Metric, asked: Asked, threshold: float, *, alpha: float, ends: Sequence[int]
) -> list[SequentialBounds]:
    """Bounds after each batch that hold at every moment, for what `can_bet` allows; arguments as of
    `group_sequential_bounds`."""
    scores = asked.candidate[:, 0] / asked.candidate[:, 1]
    support = (0.0, 1.0)
    if asked.reference is not None:
        sign = 1 if metric.higher_is_better else -1
        scores = sign * (scores - asked.reference[:, 0] / asked.reference[:, 1])
        support = (-1.0, 1.0)
    history = []
    for end in ends:
        bets = Bets(scores[:end], support)
        value = float(scores[:end].mean())
        history.append(
            SequentialBounds(
                end,
                value,
                min(value, bets.low(alpha)),
                max(value, bets.high(alpha)),
                shown=bets.p_above(threshold) <= alpha,
                excluded=bets.p_below(threshold) <= alpha,
                carriers=end,
            )
        )
    return history


def _law(metric: Metric, asked: Asked, end: int) -> tuple[Law, float, int]:
    """The law of the documents asked so far, its value, and how many of them carry the metric."""
    import numpy as np

    ours, rows = asked.candidate[:end], int(asked.rows[:end].sum())
    level = 0.25  # of bounds that are not used; the law gives those of any level
    if asked.reference is None:
        one = bounded_value(metric, ours, alpha=level, rows=rows)
        law, value = one.law, one.value
        carrying = carriers(metric, ours)
    else:
        theirs = asked.reference[:end]
        pair = difference_of(metric, ours, theirs, alpha=level, rows=rows)
        law, value = pair.law, pair.value
        carrying = carriers(metric, ours, theirs)
    assert law is not None
    if isinstance(law, SkewCorrectedLaw) and end < len(asked.complete):
        weights = document_weights(metric, asked.complete)
        is_asked = np.arange(len(weights)) < end
        if weights.any():
            law = replace(law, at_risk=answering_for(weights, is_asked))
    return law, value, carrying
