"""Whether a judge prefers the answer that is shown first.

Does: flips of the verdict and net preference for the first place, from comparisons in both orders.
Does not: ask the judge (evals/judge/judge.py), or measure bias for its own answers.

Source: Zheng et al. 2023 (arXiv 2306.05685, section 3.3) for the check by swapping.
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.errors import EvidenceError
from configs.strict_model import StrictModel
from evals.judge.interval import Interval, mean_interval
from evals.judge.prompts import Pair

SWAPPED = {"first": "second", "second": "first", "tie": "tie"}


class PositionBias(StrictModel):
    """Comparisons of the same answers in both orders."""

    flips: Interval
    """Share of pairs whose verdict depends on the order; an unreadable comparison counts as one."""
    first_place: Interval
    """Share of verdicts for what stands first less those for what stands second, in [-1, 1]; 0
    without position bias, whichever answers are better."""
    alpha: float
    """Error rate of each bound."""
    pairs: int
    clusters: int
    """Independent documents."""


def position_bias(
    pairs: Sequence[Pair],
    verdicts: Sequence[tuple[str | None, str | None]],
    *,
    alpha: float,
    seed: int = 0,
) -> PositionBias:
    """Measure position bias.

    Args:
        verdicts: per pair the verdict as given and as swapped, as `Judge.compare` returns them.
        alpha: one-sided error rate of each bound.

    Raises:
        EvidenceError: when there are no pairs.
    """
    import numpy as np

    if not pairs:
        raise EvidenceError("position bias", "expected pairs of answers, got none", "Give some.")
    clusters = [pair.cluster for pair in pairs]
    flips = [
        given is None or swapped is None or given != SWAPPED[swapped] for given, swapped in verdicts
    ]
    leaning = [
        sum((verdict == "first") - (verdict == "second") for verdict in both) / 2
        for both in verdicts
    ]
    return PositionBias(
        flips=mean_interval(
            np.array(flips, dtype=float), clusters, support=(0.0, 1.0), alpha=alpha, seed=seed
        ),
        first_place=mean_interval(
            np.array(leaning), clusters, support=(-1.0, 1.0), alpha=alpha, seed=seed
        ),
        alpha=alpha,
        pairs=len(pairs),
        clusters=len(set(clusters)),
    )
