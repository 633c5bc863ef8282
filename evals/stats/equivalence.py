"""Equivalence of two systems: neither worse nor better by a margin.

Does: two one-sided tests (TOST). Does not: choose the margin.

Source: Schuirmann 1987 (Journal of Pharmacokinetics and Biopharmaceutics 15:657).
"""

from __future__ import annotations

from dataclasses import dataclass

from evals.stats.levels import require_alpha, require_margin
from evals.stats.paired import PairedDifference


@dataclass(frozen=True)
class Equivalence:
    """Outcome of the two one-sided tests."""

    equivalent: bool
    p_value: float
    """The larger of the two: of the hypothesis that the difference is at least the margin."""


def tost(difference: PairedDifference, margin: float, alpha: float) -> Equivalence:
    """Whether the difference lies within +-margin, with an error rate of `alpha`.

    Each one-sided test has level alpha, and both must reject, so that no correction is needed.

    Raises:
        ValueError: when the margin is not in (0, 1) or alpha not in (0, 0.5).
    """
    if require_margin(margin) == 0:
        raise ValueError("margin: expected a difference > 0 that does not matter, got 0")
    p_value = max(difference.p_worse_than(margin), difference.p_better_than(margin))
    return Equivalence(p_value <= require_alpha(alpha), p_value)
