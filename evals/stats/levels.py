"""Checks of the numbers a caller chooses: error rates and margins.

Does: refuse values that make a test meaningless. Does not: know where they come from.
"""

from __future__ import annotations


def require_alpha(alpha: float) -> float:
    """The one-sided error rate, if it is in (0, 0.5).

    Raises:
        ValueError: otherwise.
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha: expected a one-sided error rate in (0, 0.5), got {alpha}")
    return alpha


def require_margin(margin: float) -> float:
    """The margin, a loss that is still acceptable, if it is in [0, 1).

    Raises:
        ValueError: otherwise.
    """
    if not 0 <= margin < 1:
        raise ValueError(f"margin: expected an acceptable loss in [0, 1), got {margin}")
    return margin
