"""Checks of the numbers a caller chooses: error rates and margins.

Does: refuse values that make a test meaningless. Does not: know where they come from.
"""

from __future__ import annotations

import math


def require_alpha(alpha: float) -> float:
    """The one-sided error rate, if it is in (0, 0.5).

    Raises:
        ValueError: otherwise.
    """
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha: expected a one-sided error rate in (0, 0.5), got {alpha}")
    return alpha


def require_margin(margin: float) -> float:
    """The margin, a loss that is still acceptable, if it is finite and not negative.

    Raises:
        ValueError: otherwise.
    """
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"margin: expected an acceptable loss >= 0, got {margin}")
    return margin
