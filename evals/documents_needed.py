"""How many more documents would settle a check that could not be told.

Does: ask the check's own law what more documents of the same kind would show. Does not: decide.
"""

from __future__ import annotations

import math
from statistics import NormalDist

from evals.stats.one_sample import Interval
from evals.stats.paired import Law, ScalableLaw

POWER = 0.8
"""Chance with which the further documents asked for should settle a check."""
MOST_COPIES = 1e4
"""More than so many times the documents there are is no answer that helps anybody."""


def further_documents(
    interval: Interval, law: Law | None, threshold: float, alpha: float
) -> int | None:
    """How many more documents would probably settle an inconclusive check.

    If the true effect is the one observed, the bound of the law itself for so many documents of the
    same kind lies beyond the threshold by as much as the estimate may fall short with a chance of
    1 - `POWER`. A law that cannot be scaled is taken to shrink with the square root of n (Chow, Shao
    and Wang, Sample Size Calculations in Clinical Research, 2008, chapter 3).

    Args:
        alpha: one-sided error rate of the bounds.
    Returns:
        None when the effect lies on the threshold or there are no bounds at all, so that no number
        would settle it.
    """
    distance = interval.value - threshold
    boundless = interval.low <= 0 and math.isinf(interval.high)
    if boundless or math.isclose(distance, 0.0, abs_tol=1e-9):
        return None
    if isinstance(law, ScalableLaw):
        return _by_law(law, distance > 0, threshold, alpha, interval.clusters)
    half_width = interval.value - interval.low if distance > 0 else interval.high - interval.value
    quantile = NormalDist().inv_cdf
    power_factor = 1 + quantile(POWER) / quantile(1 - alpha)
    needed = interval.clusters * (half_width / distance * power_factor) ** 2
    if not math.isfinite(needed):
        return None
    return max(1, math.ceil(needed) - interval.clusters)


def _by_law(
    law: ScalableLaw, above: bool, threshold: float, alpha: float, documents: int
) -> int | None:
    shortfall = NormalDist().inv_cdf(POWER)

    def settles(copies: float) -> bool:
        more = law.times(copies)
        if above:
            return more.low(alpha) - shortfall * more.standard_error > threshold
        return more.high(alpha) + shortfall * more.standard_error < threshold

    if not settles(MOST_COPIES):
        return None
    few, enough = 1.0, MOST_COPIES
    while enough / few > 1 + 0.25 / documents:
        middle = math.sqrt(few * enough)
        few, enough = (few, middle) if settles(middle) else (middle, enough)
    return max(1, math.ceil((enough - 1) * documents))
