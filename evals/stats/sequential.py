"""Paired difference that may be looked at after every batch of documents.

Does: e-processes against "not better than a threshold" and "not worse than it", and confidence
sequences from them, for means and for ratios such as micro-F1. Does not: choose batches or stop.

A mean or ratio metric of the candidate exceeds that of the reference, whose true value is rho, by
at most delta exactly if per document

    D = [T_c - (rho + delta) B_c] - [T_r - rho B_r]

has a mean of at most 0 (T, B: numerators and denominators). Capital is bet against that for every
rho of a grid, and the hypothesis is rejected when the smallest capital reaches 1 / alpha: the true
rho is among them, so nothing is divided among the values of rho. Between grid points D is lowered
by what rho can change it within half a step, so that the capital of the nearest point never exceeds
that of the true rho. A twentieth of the capital bets against rho itself (T_r - rho B_r has mean 0),
or values of rho far from the truth would never be rejected. A mean over rows does not depend on rho.

Capital stays positive only if no document can lose more than the largest stake allows; the caller
declares how many items of a document count.

Sources: Waudby-Smith and Ramdas 2024 (arXiv 2010.09686) for betting and for inverting it into a
confidence sequence; Ramdas et al. 2023 (Statistical Science 38:576) for e-processes against
composite hypotheses as the smallest over them, and for p-values as one over the largest capital.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.levels import require_alpha
from evals.stats.paired import is_mean

if TYPE_CHECKING:
    import numpy as np

HALF_STEP = 0.01
"""Half the distance of neighbouring values of rho."""

ON_RHO = 0.05
"""Share of the capital that bets against rho itself."""

RESOLUTION = 0.002
"""Bounds are found to within this."""


@dataclass(frozen=True)
class SequentialBounds:
    """What is known after a batch; bounds hold at all batches at once, each with error alpha."""

    value: float
    low: float
    high: float
    clusters: int
    clipped: int
    """Documents with more items than were declared. If there are any, a promotion before the end
    has no guarantee."""


@dataclass
class _Bet:
    """Capital against one threshold, from one side."""

    threshold: float
    grown: np.ndarray
    """Per stake and rho."""
    largest: float = 0.0
    """Largest logarithm of the capital so far."""


@dataclass
class _Side:
    """All bets that one system is better than the other by more than some threshold."""

    cap_wrong: float
    cap_right: float
    rhos: np.ndarray
    """Values of rho, or one that does not matter."""
    on_rho: np.ndarray | None
    """Per stake, direction and rho: growth of the bets against rho; None for a mean."""
    bets: dict[float, _Bet] = field(default_factory=dict)


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
        thresholds: tuple[float, ...] | None = None,
    ) -> None:
        """Declare, before any score is seen, what is tested.

        Args:
            metric: of one ratio.
            alpha: error rate of each bound over all looks, in (0, 0.5).
            cap: for a mean over rows, the most rows of a document. For other ratios, the most
                wrong items (denominator - numerator) of a document that count.
            cap_right: largest numerator of a document that counts, such as twice the gold items for
                micro-F1; `cap` if None. Not used for a mean.
            thresholds: track these alone, which is fast; `update` then gives as bounds the tightest
                threshold crossed. None: find bounds after every batch.

        Raises:
            ValueError: when alpha or a cap is out of range, or the metric has several ratios.
        """
        if len(metric.ratios) != 1:
            raise ValueError(
                f"{metric.name}: expected a metric of one ratio, got {len(metric.ratios)}; "
                "there is no anytime-valid test of their mean"
            )
        right = cap if cap_right is None else cap_right
        if not (math.isfinite(cap) and cap > 0 and math.isfinite(right) and right > 0):
            raise ValueError(f"cap: expected finite numbers > 0, got {cap} and {right}")
        for threshold in thresholds or ():
            if not -1 < threshold < 1:
                raise ValueError(f"thresholds: expected numbers in (-1, 1), got {threshold}")
        self._metric, self._alpha = metric, require_alpha(alpha)
        self._mean = is_mean(metric)
        self._cap, self._cap_right = float(cap), float(right)
        self._thresholds = thresholds
        self._low, self._high = -1.0, 1.0
        self.clipped = 0
