"""Paired difference that may be looked at after every batch of documents.

Does: e-processes against "not better than a threshold" and "not worse than it", and confidence
sequences from them, for means and for ratios such as micro-F1, without any approximation by a
normal distribution. Does not: choose batches or stop; handle macro averages, for which there is
evals/stats/confidence_sequence.py.

Source: Waudby-Smith and Ramdas 2024 (JRSSB 86:1, arXiv 2010.09686) for betting and for inverting it
into a confidence sequence; evals/stats/one_sided_bet.py says how a ratio is bet on.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.levels import require_alpha
from evals.stats.one_sided_bet import OneSidedBet
from evals.stats.paired import is_mean
from evals.stats.totals import metric_of_sums

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SequentialBounds:
    """What is known after a batch; bounds hold at all batches at once, each with error alpha."""

    value: float
    low: float
    high: float
    clusters: int
    clipped: int
    """Documents with more items than were declared. If there are any, neither bound has a guarantee
    and nothing may be promoted before the end."""


class SequentialDifference:
    """Anytime-valid inference for candidate - reference, batch after batch of whole documents.

    Positive is better: for a metric where lower is better it is reference - candidate.
    """

    def __init__(
        self,
        metric: Metric,
        alpha: float,
        cap: float,
        *,
        cap_right: float | None = None,
        thresholds: Iterable[float] | None = None,
    ) -> None:
        """Declare, before any score is seen, what is tested.

        Args:
            metric: of one ratio whose numerator is never larger than its denominator.
            alpha: error rate of each bound over all looks, in (0, 0.5).
            cap: for a mean over rows, the most rows of a document. For other ratios, the most
                wrong items (denominator - numerator) of a document that count.
            cap_right: largest numerator of a document that counts, such as twice the gold items for
                micro-F1; `cap` if None. Not used for a mean.
            thresholds: bet against these alone, which is fast; `update` then gives as bounds the
                tightest threshold crossed. None: find bounds after every batch.

        Raises:
            ValueError: when an argument is out of range, or the metric has several ratios.
        """
        if len(metric.ratios) != 1:
            raise ValueError(
                f"{metric.name}: expected a metric of one ratio, got {len(metric.ratios)}; "
                "there is no bet on their mean"
            )
        right = cap if cap_right is None else cap_right
        if not (0 < cap < math.inf and 0 < right < math.inf):
            raise ValueError(f"cap: expected finite numbers > 0, got {cap} and {right}")
        self._metric = metric
        self._searching = thresholds is None
        self._seen = 0
        self._clipped = 0
        self._totals: np.ndarray | float = 0.0
        needed = math.log(1 / require_alpha(alpha))
        mean = is_mean(metric)
        self._better, self._worse = (OneSidedBet(mean, cap, right, needed) for _ in range(2))
        for threshold in thresholds or ():
            self._better.track(_in_range(threshold))
            self._worse.track(-_in_range(threshold))

    def update(self, candidate: np.ndarray, reference: np.ndarray) -> SequentialBounds:
        """Take in one more batch of documents.

        Args:
            candidate: `cluster_sums` of the batch, shape (clusters, 3).
            reference: the same of the reference, in the same order.

        Raises:
            ValueError: when the shapes differ, or a numerator is not in [0, denominator].
        """
        import numpy as np

        if candidate.shape != reference.shape or candidate.shape[1:] != (3,):
            raise ValueError(
                f"expected sums of one shape (clusters, 3), got {candidate.shape} and "
                f"{reference.shape}"
            )
        pair = (candidate, reference) if self._metric.higher_is_better else (reference, candidate)
        both = np.hstack([np.column_stack([s[:, 0], s[:, 1] - s[:, 0]]) for s in pair])
        if not (both >= 0).all():
            raise ValueError("expected every numerator in [0, denominator], got others")
        counted = self._better.within_caps(both)
        self._clipped += int((counted != both).any(axis=1).sum())
        self._seen += len(both)
        self._totals = self._totals + np.hstack(pair).sum(axis=0)
        self._better.update(counted)
        self._worse.update(counted[:, [2, 3, 0, 1]])
        return self._bounds(self._better.crossed_at(), -self._worse.crossed_at())

    def bounds(self) -> SequentialBounds:
        """Bounds to within `RESOLUTION` after the batches so far, also where thresholds are tracked.

        With `thresholds=None` they only ever tighten.
        """
        return self._bounds(self._better.search(), -self._worse.search())

    def _bounds(self, low: float, high: float) -> SequentialBounds:
        import numpy as np

        if self._searching:
            low, high = self._better.search(), -self._worse.search()
        ours, theirs = metric_of_sums(self._metric, np.reshape(self._totals, (2, 3)))
        value = float(ours - theirs)
        return SequentialBounds(value, min(low, value), max(high, value), self._seen, self._clipped)

    def p_above(self, threshold: float) -> float:
        """p-value, valid at any time, of the hypothesis that the difference is <= threshold.

        Over all batches for a tracked threshold, after the last one for any other.
        """
        return self._better.p_value(_in_range(threshold))

    def p_below(self, threshold: float) -> float:
        """p-value, valid at any time, of the hypothesis that the difference is >= threshold."""
        return self._worse.p_value(-_in_range(threshold))

    def crossed(self, threshold: float) -> bool:
        """Whether the difference is shown to be above the threshold."""
        return self._better.rejects(_in_range(threshold))

    def crossed_below(self, threshold: float) -> bool:
        """Whether the difference is shown to be below the threshold."""
        return self._worse.rejects(-_in_range(threshold))


def _in_range(threshold: float) -> float:
    if not -1 < threshold < 1:
        raise ValueError(f"threshold: expected a difference in (-1, 1), got {threshold}")
    return threshold
