"""Error rates of a test that looks a few times: how much each look may spend.

Does: spend alpha over looks (Lan and DeMets 1983) and find the level of each look when the statistic
grows by independent increments. Does not: know what is tested (evals/sequential_checks.py).

Sources: Lan and DeMets 1983 (Biometrika 70:659) for spending functions that resemble O'Brien and
Fleming's and Pocock's boundaries; Armitage, McPherson and Rowe 1969 (JRSS A 132:235) for the
recursive integration; Jennison and Turnbull 2000 (Group Sequential Methods, chapter 19).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import TYPE_CHECKING, Literal

from evals.stats.levels import require_alpha

if TYPE_CHECKING:
    import numpy as np

Spending = Literal["obrien-fleming", "pocock"]
_NORMAL = NormalDist()
POINTS = 801
"""Of the grid on which the density is followed from look to look."""
LEAST_LEVEL = 1e-9
"""A look that may spend less than this does not decide anything."""


def _obrien_fleming(alpha: float, share: float) -> float:
    return 2 * (1 - _NORMAL.cdf(_NORMAL.inv_cdf(1 - alpha / 2) / math.sqrt(share)))


def _pocock(alpha: float, share: float) -> float:
    return alpha * math.log(1 + (math.e - 1) * share)


SPENDING: dict[Spending, Callable[[float, float], float]] = {
    "obrien-fleming": _obrien_fleming,
    "pocock": _pocock,
}


def look_levels(
    alpha: float, shares: Sequence[float], spending: Spending = "obrien-fleming"
) -> tuple[float, ...]:
    """One-sided level of each look so that one look or more errs with a chance of at most `alpha`.

    Args:
        alpha: one-sided error rate over all looks, in (0, 0.5).
        shares: of the documents seen at each look, rising, in (0, 1]; the last is 1.
        spending: `obrien-fleming` keeps nearly all for the end; `pocock` spreads it evenly.
    Returns:
        Levels of the same length; 0 where a look may spend nothing worth having.
    Raises:
        ValueError: when alpha or the shares are out of range.

    >>> [round(level, 4) for level in look_levels(0.05, (0.2, 0.4, 0.6, 0.8, 1.0), "pocock")]
    [0.0148, 0.016, 0.0173, 0.0183, 0.0192]
    >>> [round(level, 4) for level in look_levels(0.025, (0.5, 1.0))]  # Jennison and Turnbull
    [0.0015, 0.0245]
    """
    require_alpha(alpha)
    if not shares or list(shares) != sorted(set(shares)) or shares[0] <= 0 or shares[-1] > 1:
        raise ValueError(f"shares: expected rising numbers in (0, 1], got {list(shares)}")
    return _levels(alpha, tuple(shares), spending)


@dataclass(frozen=True, eq=False)
class _Surviving:
    """The score (z * sqrt(share)) among runs that have not crossed a bound yet."""

    grid: np.ndarray
    density: np.ndarray

    def crossing(self, bound: float, step: float) -> float:
        """Chance of crossing the bound with an increment of standard deviation `step`."""
        import numpy as np
        from scipy.special import ndtr

        return float(np.trapezoid(self.density * ndtr((self.grid - bound) / step), self.grid))

    def after(self, step: float, grid: np.ndarray) -> _Surviving:
        """Those that have not crossed the end of the new grid either."""
        import numpy as np

        kernel = np.exp(-0.5 * ((grid[:, None] - self.grid[None, :]) / step) ** 2)
        kernel /= step * math.sqrt(2 * math.pi)
        return _Surviving(grid, np.trapezoid(kernel * self.density[None, :], self.grid, axis=1))


@lru_cache(maxsize=256)
def _levels(alpha: float, shares: tuple[float, ...], spending: Spending) -> tuple[float, ...]:
    import numpy as np
    from scipy.optimize import brentq

    levels: list[float] = []
    spent = before = 0.0
    surviving: _Surviving | None = None
    for share in shares:
        step, far = math.sqrt(share - before), 9 * math.sqrt(share)
        increment, bound, level = SPENDING[spending](alpha, share) - spent, far, 0.0
        if increment >= LEAST_LEVEL:
            if surviving is None:
                bound = -_NORMAL.inv_cdf(increment) * step
            else:
                bound = float(brentq(_excess, -far, far, args=(surviving, step, increment)))
            level = _NORMAL.cdf(-bound / math.sqrt(share))
            spent += increment
        levels.append(level)
        grid = np.linspace(-far, bound, POINTS)
        if surviving is None:
            density = np.exp(-0.5 * (grid / step) ** 2) / (step * math.sqrt(2 * math.pi))
            surviving = _Surviving(grid, density)
        else:
            surviving = surviving.after(step, grid)
        before = share
    return tuple(levels)


def _excess(bound: float, surviving: _Surviving, step: float, increment: float) -> float:
    return surviving.crossing(bound, step) - increment
