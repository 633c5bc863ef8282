"""Bounds that hold at every moment, however often one looks and whenever one stops.

Does: confidence sequences for the gain of a candidate, batch after batch of documents.
Does not: choose the order of documents or stop (evals/sequential_checks.py).

Two constructions, chosen before any score is seen:
- means of scores in [0, 1] with equally many rows per document: betting (Waudby-Smith and Ramdas
  2024, JRSS B 86:1, arXiv 2010.09686, section 4, with the aGRAPA bets of appendix B.3), exact at
  every n;
- other ratios, such as micro-F1: the one-sided asymptotic confidence sequence of Waudby-Smith,
  Arbour, Sinha, Kennedy and Ramdas 2024 (Annals of Statistics 52:2613, arXiv 2103.06476, appendix
  B.1) on linearised per-document gains, with the document of an unseen loss that evals/stats/paired.py
  adds too, because a loss that has not been seen has no variance yet. Betting would need a bound on
  how much one document can weigh, which ratios do not have.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.levels import require_alpha
from evals.stats.linearised import influence
from evals.stats.paired import is_mean
from evals.stats.totals import metric_of_sums, unseen_document

if TYPE_CHECKING:
    import numpy as np

GRID = 400
"""Steps between the ends of the support at which betting is inverted."""
LARGEST_BET = 0.75
"""Share of the wealth that the worst outcome may cost (truncation c of section 4.3)."""
TIGHTEST_AT = 100
"""Documents at which the asymptotic sequence is about tightest (its parameter rho, appendix B.2)."""


@dataclass(frozen=True)
class SequentialBounds:
    """What is known after some batches."""

    clusters: int
    value: float
    low: float
    high: float


def can_bet(metric: Metric, rows_per_cluster: Iterable[int]) -> bool:
    """Whether the metric is a mean over documents of scores in [0, 1]."""
    return (
        is_mean(metric)
        and sum(metric.ratios[0].numerator.values()) <= 1
        and len(set(rows_per_cluster)) == 1
    )


def confidence_sequence(
    metric: Metric,
    candidate: np.ndarray,
    reference: np.ndarray | None,
    *,
    alpha: float,
    ends: Sequence[int],
    betting: bool,
) -> list[SequentialBounds]:
    """One-sided bounds at level `alpha` each, valid at all batches at once.

    Args:
        candidate: `cluster_sums` of the candidate, (clusters, 3 * ratios), in the order in which
            documents were asked.
        reference: those of the reference, or None to bound the candidate's own metric.
        alpha: error rate of each bound, in (0, 0.5).
        ends: number of documents after each batch, rising.
        betting: what `can_bet` said of the whole test set.
    Returns:
        Bounds after each batch: of the gain over the reference (positive is better), or of the
        metric; they only ever tighten.
    Raises:
        ValueError: when alpha is out of range.
    """
    import numpy as np

    require_alpha(alpha)
    sides = [(candidate[:end], None if reference is None else reference[:end]) for end in ends]
    values = [_gain(metric, ours, theirs) for ours, theirs in sides]
    if betting:
        scores = candidate[: ends[-1], 0] / candidate[: ends[-1], 1]
        support = (0.0, 1.0)
        if reference is not None:
            sign = 1 if metric.higher_is_better else -1
            scores = sign * (scores - reference[: ends[-1], 0] / reference[: ends[-1], 1])
            support = (-1.0, 1.0)
        after = np.array(ends) - 1
        lows = _betting_lows(scores, alpha, support)[after]
        highs = -_betting_lows(-scores, alpha, (-support[1], -support[0]))[after]
    else:
        lows, highs = (
            np.array([_asymptotic(metric, *side, alpha, lowest=lowest) for side in sides])
            for lowest in (True, False)
        )
    lows = np.maximum.accumulate(lows).clip(min=0.0 if reference is None else -1.0)
    highs = np.minimum.accumulate(highs).clip(max=1.0)
    return [
        SequentialBounds(end, value, float(min(low, value)), float(max(high, value)))
        for end, value, low, high in zip(ends, values, lows, highs, strict=True)
    ]


def _gain(metric: Metric, candidate: np.ndarray, reference: np.ndarray | None) -> float:
    ours = float(metric_of_sums(metric, candidate.sum(axis=0)))
    if reference is None:
        return ours
    gain = ours - float(metric_of_sums(metric, reference.sum(axis=0)))
    return gain if metric.higher_is_better else -gain


def _betting_lows(gains: np.ndarray, alpha: float, support: tuple[float, float]) -> np.ndarray:
    """After each document, the largest value that betting has ruled out from below.

    Wealth against the hypothesis mean <= m is the product of 1 + bet * (gain - m), a supermartingale
    for bets >= 0 chosen before the gain is seen; m is ruled out once it ever reached 1 / alpha.
    """
    import numpy as np

    low, high = support
    hypotheses = np.linspace(low, high, GRID + 1)[:-1]
    count = np.arange(1, len(gains) + 1)
    # Predictable mean and variance: one imaginary gain in the middle of the support, with the
    # largest variance there is, stands before the first.
    middle, widest = (low + high) / 2, ((high - low) / 2) ** 2
    running = (middle + np.cumsum(gains)) / (count + 1)
    spread = np.cumsum((gains - running) ** 2)
    mean = np.concatenate([[middle], running[:-1]])
    variance = (widest + np.concatenate([[0.0], spread[:-1]])) / count
    edge = mean[:, None] - hypotheses
    largest = LARGEST_BET / np.maximum(hypotheses - low, 1e-12)
    bets = np.clip(edge / (variance[:, None] + edge**2), 0, largest)
    wealth = np.cumsum(np.log1p(bets * (gains[:, None] - hypotheses)), axis=0)
    ruled_out = np.maximum.accumulate(wealth, axis=0) >= math.log(1 / alpha)
    # Everything up to the first hypothesis that still stands; the step of the grid is given away.
    standing = np.where(ruled_out.all(axis=1), GRID, np.argmin(ruled_out, axis=1))
    return np.where(standing > 0, low + (high - low) / GRID * (standing - 1), low)


def _asymptotic(
    metric: Metric,
    candidate: np.ndarray,
    reference: np.ndarray | None,
    alpha: float,
    *,
    lowest: bool,
) -> float:
    """Lower or upper bound, an unseen loss or gain included."""
    sign = 1.0 if metric.higher_is_better or reference is None else -1.0
    right = (sign < 0) if lowest else (sign > 0)
    ours = _with_document(candidate, right=right)
    theirs = None if reference is None else _with_document(reference, right=not right)
    gains, value = influence(metric, ours), _gain(metric, ours, theirs)
    if theirs is not None:
        gains = sign * (gains - influence(metric, theirs))
    width = _width(float(gains.std(ddof=1)), len(gains), alpha)
    return value - width if lowest else value + width


def _with_document(sums: np.ndarray, *, right: bool) -> np.ndarray:
    import numpy as np

    return np.vstack([sums, unseen_document(sums, right=right)])


def _width(deviation: float, n: int, alpha: float) -> float:
    """One-sided half-width after n documents (arXiv 2103.06476, appendix B.1)."""
    spread = -2 * math.log(2 * alpha)
    rho2 = (spread + math.log(spread + 1)) / TIGHTEST_AT
    inside = n * rho2 + 1
    return deviation * math.sqrt(
        2 * inside / (n**2 * rho2) * math.log(1 + math.sqrt(inside) / (2 * alpha))
    )
