"""Capital of a gambler who bets against a hypothesis: evidence that may be looked at any time.

Does: the capital of bets that a bounded quantity has a positive mean. Does not: know metrics.

If the mean is at most 0, capital starts at 1 and has no tendency to grow, so that it ever reaches
1 / alpha with a chance of at most alpha (Ville 1939; Howard et al. 2021, Annals of Statistics
49:1055). Source of the bets: Waudby-Smith and Ramdas 2024 (JRSSB 86:1, arXiv 2010.09686), section
4 for the capital and appendix B ("diversified Kelly") for spreading it over fixed stakes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

STAKES = tuple(0.95 / 1.8**step for step in range(8))
"""Shares of the largest possible stake; capital starts in equal parts on each. Growth is within a
tenth of that of the best stake from 1.2% to all of the largest one."""

AT_ONCE = 64
"""Factors multiplied before taking a logarithm: 0.05^64 is still a normal number."""


def log_growth(gains: np.ndarray) -> np.ndarray:
    """Logarithm of what each stake's capital is multiplied by.

    Args:
        gains: (..., clusters), each at least -1: the quantity over the largest loss it can bring.

    Returns:
        Array (stakes, ...).
    """
    import numpy as np

    stakes = np.reshape(STAKES, (-1, *(1,) * gains.ndim))
    grown = np.zeros((len(STAKES), *gains.shape[:-1]))
    for start in range(0, gains.shape[-1], AT_ONCE):
        grown += np.log(np.prod(1 + stakes * gains[..., start : start + AT_ONCE], axis=-1))
    return grown


def log_capital(grown: np.ndarray) -> np.ndarray:
    """Logarithm of the capital of all stakes together: (stakes, ...) -> (...)."""
    import numpy as np

    return np.asarray(np.logaddexp.reduce(grown, axis=0) - np.log(len(grown)))


def empirical_bernstein(values: np.ndarray, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Running lower and upper bounds for the mean of values in [-1, 1], valid at all times at once.

    The predictable plug-in empirical-Bernstein confidence sequence of Waudby-Smith and Ramdas 2024,
    theorem 2: wider than betting, but in closed form.

    Args:
        values: in the order they were seen, shape (n,).
        alpha: error rate of each bound.

    Returns:
        Bounds after each value, shape (n,) each.
    """
    import numpy as np

    unit = (np.asarray(values, dtype=float) + 1) / 2
    seen = np.arange(1, len(unit) + 1)
    means = (0.5 + np.cumsum(unit)) / (seen + 1)
    variances = (0.25 + np.cumsum((unit - means) ** 2)) / (seen + 1)
    before = np.concatenate([[0.25], variances[:-1]])
    stakes = np.minimum(np.sqrt(2 * np.log(1 / alpha) / (before * seen * np.log(1 + seen))), 0.5)
    surprise = (unit - np.concatenate([[0.5], means[:-1]])) ** 2
    penalty = np.log(1 / alpha) + np.cumsum(surprise * (-np.log(1 - stakes) - stakes))
    staked = np.cumsum(stakes)
    centre, half = np.cumsum(stakes * unit) / staked, penalty / staked
    low, high = np.maximum.accumulate(centre - half), np.minimum.accumulate(centre + half)
    return np.clip(2 * low - 1, -1, 1), np.clip(2 * high - 1, -1, 1)
