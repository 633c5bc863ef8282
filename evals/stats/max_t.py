"""Keep alpha over candidates that are alike, by how alike their documents' scores are.

Does: levels of a step-down max-T test over equally correlated candidates. Does not: test.

Sources: Romano and Wolf 2005 (JASA 100:94) for stepping down with the largest of the remaining
statistics; Slepian 1962 (Bell System Technical Journal 41:463): of normal variables, those with the
smaller correlations have the larger maximum, so that using the smallest correlation for all is safe.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from functools import lru_cache

from evals.stats.contributions import Contributions
from evals.stats.levels import require_alpha
from evals.stats.multiplicity import ordered_by_p_value

NODES = 4001
"""Of the trapezoid rule over what candidates share, fine enough for correlations of 0.9999."""
NEAR_ONE = 0.9999
"""Larger correlations count as this, which is the stricter."""


@lru_cache(maxsize=1024)
def level_of_largest(candidates: int, correlation: float, alpha: float) -> float:
    """Level for each of so many tests, so that the largest of their statistics exceeds its bound with
    a chance of `alpha`; never below alpha / candidates.

    Args:
        candidates: at least 1.
        correlation: of any two of the statistics, in [0, 1]; values below 0 count as 0.
        alpha: one-sided, in (0, 0.5).

    >>> [round(level_of_largest(3, r, 0.05), 4) for r in (0.0, 0.5, 0.9, 1.0)]
    [0.0167, 0.0196, 0.0303, 0.05]
    """
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import ndtr, ndtri

    require_alpha(alpha)
    if candidates == 1 or correlation >= 1 - 1e-9:
        return alpha
    if correlation <= 0:
        return alpha / candidates
    correlation = min(correlation, NEAR_ONE)
    nodes = np.linspace(-9, 9, NODES)
    weights = np.exp(-(nodes**2) / 2)
    weights = weights / weights.sum()
    own = np.sqrt(1 - correlation)

    def excess(bound: float) -> float:
        below = ndtr((bound - np.sqrt(correlation) * nodes) / own) ** candidates
        return float(1 - weights @ below) - alpha

    bound = brentq(excess, float(-ndtri(alpha)), float(-ndtri(alpha / candidates / 2)))
    return max(alpha / candidates, min(alpha, float(ndtr(-bound))))


def step_down_levels(
    p_values: Mapping[str, float], alpha: float, correlation: float
) -> dict[str, float]:
    """The level at which each p-value is compared: that of the largest of m for the smallest, of m - 1
    for the next, and so on; from the first that is not rejected, one level for all.

    Raises:
        ValueError: when alpha is not in (0, 0.5) or a p-value not in [0, 1].
    """
    require_alpha(alpha)
    ordered = ordered_by_p_value(p_values)
    levels, rejected = {}, 0
    for place, name in enumerate(ordered):
        levels[name] = level_of_largest(len(ordered) - rejected, correlation, alpha)
        if rejected == place and p_values[name] <= levels[name]:
            rejected = min(rejected + 1, len(ordered) - 1)
    return {name: levels[name] for name in p_values}


def least_correlation(
    tests: Sequence[Sequence[tuple[Contributions, float]]],
) -> float:
    """The smallest correlation between a test of one candidate and a test of another, in [0, 1].

    Whichever of its rules a candidate breaks, its statistic is one of these, so the smallest of all
    pairs is on the safe side. Losses that were not seen need not be shared, so their variance counts
    as each candidate's own.

    Args:
        tests: per candidate, the contributions of each of its tests over the same documents with the
            variance of losses not seen. An empty sequence stands for tests whose documents are
            not known, and makes the correlation 0.
    """
    import numpy as np

    if any(not of_one for of_one in tests):
        return 0.0
    least = 1.0
    for ours, theirs in itertools.combinations(tests, 2):
        for (mine, my_unseen), (other, other_unseen) in itertools.product(ours, theirs):
            if len(mine.gains) != len(other.gains):
                return 0.0
            left, right = mine.residuals, other.residuals
            spread = np.sqrt((left @ left + my_unseen) * (right @ right + other_unseen))
            least = min(least, float(left @ right / spread) if spread > 0 else 0.0)
    return max(0.0, least)
