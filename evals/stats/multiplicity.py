"""Keep an error rate over several tests: candidates at one time, decisions over time.

Does: Holm's step-down test, and how much of alpha a decision may spend. Does not: count decisions
(registry/looks.py).

Sources: Holm 1979 (Scandinavian Journal of Statistics 6:65); Tian and Ramdas 2021 (arXiv
1910.04900, section 2) for spending alpha by a series that sums to 1 when there is no planned end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from evals.stats.levels import require_alpha


def holm_levels(p_values: Mapping[str, float], alpha: float) -> dict[str, float]:
    """The level at which Holm's test compares each p-value: alpha / m for the smallest of m,
    alpha / (m - 1) for the next, and so on; from the first that is not rejected, one level for all.

    Raises:
        ValueError: when alpha is not in (0, 0.5) or a p-value not in [0, 1].
    """
    require_alpha(alpha)
    ordered = ordered_by_p_value(p_values)
    levels, rejected = {}, 0
    for place, name in enumerate(ordered):
        levels[name] = alpha / (len(ordered) - rejected)
        if rejected == place and p_values[name] <= levels[name]:
            rejected = min(rejected + 1, len(ordered) - 1)
    return {name: levels[name] for name in p_values}


def spend(total_alpha: float, look: int, planned_looks: int | None = None) -> float:
    """What decision number `look` on one test set may spend of `total_alpha`.

    Equal shares of a planned number of looks (Bonferroni), and nothing after them. Without a plan
    look k gets total_alpha * 6 / (pi k)^2, which sums to total_alpha over all k (Tian and Ramdas
    2021, section 2; the series is Euler's).

    Args:
        look: 1 for the first.
        planned_looks: at least 1; None for no end.

    Raises:
        ValueError: when an argument is out of range.
    """
    require_alpha(total_alpha)
    if look < 1:
        raise ValueError(f"look: expected 1 for the first, got {look}")
    if planned_looks is None:
        return total_alpha * 6 / (math.pi * look) ** 2
    if planned_looks < 1:
        raise ValueError(f"planned_looks: expected at least 1, got {planned_looks}")
    return total_alpha / planned_looks if look <= planned_looks else 0.0


def ordered_by_p_value(p_values: Mapping[str, float]) -> list[str]:
    """Names by p-value, smallest first.

    Raises:
        ValueError: when a p-value is not in [0, 1].
    """
    for name, p_value in p_values.items():
        if not 0 <= p_value <= 1:
            raise ValueError(f"p-value of {name}: expected a number in [0, 1], got {p_value}")
    return sorted(p_values, key=lambda name: p_values[name])
