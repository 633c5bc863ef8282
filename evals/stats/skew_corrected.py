"""Bounds for a sum of per-document contributions that hold on uneven and skewed documents.

Does: a cluster-robust t bound, corrected for skewness, that allows for a document lost wholly and
never seen. Does not: linearise metrics (evals/stats/contributions.py), or choose a threshold.

With contributions x_i of n documents, weights u_i that sum to 1, and residuals r_i = x_i - value *
u_i, the lower bound at level alpha is

    value - w s - q sqrt(V) - (2 q^2 + 1) / 6 * max(0, -M3) / V
    V = n / (n - 1) sum r_i^2 + w s^2,   M3 = sum r_i^3 - w s^3,   q = t quantile, n - 1 df

- The last term is Johnson's correction of a mean for skewness (Johnson 1978, JASA 73:536; Hall 1992,
  JRSS B 54:221), taken only where it makes the bound stricter.
- s is the size of one lost document. Were no document of n ever lost, chances p_i of losing them
  would still be possible as long as the product of (1 - p_i) is at least alpha; the most that they
  can cost together, max sum u_i p_i, is reached where 1 - p_i = c / u_i for the largest documents.
  s is that cost over n (1 - alpha^(1/n)), which it is for n equal ones; on uneven documents it
  is a multiple of the average weight, so that many small documents do not vouch for a few large.
- w0 makes the bound exact where no document differs at all. Ordinary noise hides a lost document, so
  w falls with v, the variance of everything but large losses, in units of s: w0 / (1 + f sqrt(v)),
  f = min(1.4, 3.4 / q^2.7). The rate was found by computing the error of a normal variable plus a
  Poisson number of losses, for every mean of it. Where documents are uneven (s above 1.7 average
  weights) large losses come in many sizes, and the few that were seen say little of their skewness:
  f is multiplied by (1.7 / (s n))^4, which is soon nothing, and up to 0.3 is added to w where losses
  were seen. Where contributions lie on a lattice (every loss of one size) the normal law errs by half
  a step, so w does not fall there until noise has washed the lattice out.

It is an argument with simulations behind it and no proof: `python -m benchmarks.calibration`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

from evals.stats.contributions import Contributions

SMALLEST_P = 1e-12
"""p-values are reported down to here."""
LARGEST_P = 0.4999
"""p-values above are reported as 1: the value is on the wrong side, or about on the threshold."""
LEVELS = tuple(max(SMALLEST_P, LARGEST_P / 2 ** (step / 2)) for step in range(79))
"""At which bounds are looked at to see that they widen as alpha falls."""
MOST_SKEWING = 2 / 3
"""Most of the doubt of none seen that the correction for skewness may make up. Below 60 documents it
would be more than all of it at small alpha, and leave no lost document to add."""
EVEN = 1.7
"""Size of a lost document, in average weights, up to which documents count as even."""
MORE_WHERE_UNEVEN = 0.3
"""Lost documents that join besides, where documents are uneven. Without, gates at the margin at alpha
.01 promoted up to .02 of the time (documents of lognormal or Zipf size, losses growing with it)."""
LATTICE_WEIGHT = 0.6
"""Least weight of the lost document on a lattice of losses: with it, exact error rates of equal
documents with losses of one size stay below 1.04 alpha (30 to 800 documents, margins .01 to .1,
alpha .01 to .1; tests/evals/stats/test_skew_corrected.py enumerates them)."""


@dataclass(frozen=True, eq=False)
class UnseenLosses:
    """What documents of these weights could cost although none was seen to be lost."""

    weights: np.ndarray
    """Shape (n,), each at least 0."""

    def cost(self, alpha: float) -> float:
        """max sum u_i p_i over loss chances with prod (1 - p_i) >= alpha, for alpha in (0, 1).

        >>> import numpy as np
        >>> equal, uneven = np.full(59, 1 / 59), np.array([0.4] + [0.006] * 100)
        >>> round(UnseenLosses(equal).cost(0.05), 4)  # 59 documents can show a margin of 0.05
        0.0495
        >>> round(UnseenLosses(uneven).cost(0.05), 2)  # one document holds 40%
        0.38
        """
        import numpy as np

        if not len(self._sorted):
            return 0.0
        # With the k largest documents at risk, c is such that the product is alpha; c must not
        # exceed the smallest of them, or its chance would be negative.
        log_c = (math.log(alpha) + self._sums_of_logs) / self._numbers
        cost = self._sums - self._numbers * np.exp(log_c)
        return float(cost[log_c <= self._logs + 1e-12].max())

    @cached_property
    def total(self) -> float:
        """What all documents could cost together."""
        return float(self.weights.sum())

    @cached_property
    def _sorted(self) -> np.ndarray:
        import numpy as np

        return np.asarray(np.sort(self.weights[self.weights > 0])[::-1])

    @cached_property
    def _logs(self) -> np.ndarray:
        import numpy as np

        return np.asarray(np.log(self._sorted))

    @cached_property
    def _sums_of_logs(self) -> np.ndarray:
        import numpy as np

        return np.cumsum(self._logs)

    @cached_property
    def _sums(self) -> np.ndarray:
        import numpy as np

        return np.cumsum(self._sorted)

    @cached_property
    def _numbers(self) -> np.ndarray:
        import numpy as np

        return np.arange(1, len(self._sorted) + 1)


@dataclass(frozen=True, eq=False)
class SkewCorrectedLaw:
    """Bounds and p-values for the value of `contributions`, at any level."""

    contributions: Contributions
    support: tuple[float, float] = (-1.0, 1.0)
    """Smallest and largest value there can be."""
    at_risk: np.ndarray | None = None
    """What each document could cost, where that is not its weight."""
    at_gain: np.ndarray | None = None
    """What each document could gain, for upper bounds, where that is not what it could cost."""
    copies: float = 1.0
    """As if every document were there so many times: what more documents of the kind would show."""

    def low(self, alpha: float) -> float:
        """Lower bound with error `alpha` in (0, 0.5)."""
        return max(self.support[0], self._strictest(alpha, -1.0))

    def high(self, alpha: float) -> float:
        """Upper bound with error `alpha` in (0, 0.5)."""
        return min(self.support[1], -self._strictest(alpha, 1.0))

    def p_above(self, threshold: float) -> float:
        """p-value of the hypothesis that the value is <= threshold: the level at which the lower
        bound is the threshold."""
        return self._level(threshold, -1.0)

    def p_below(self, threshold: float) -> float:
        """p-value of the hypothesis that the value is >= threshold."""
        return self._level(-threshold, 1.0)

    def times(self, copies: float) -> SkewCorrectedLaw:
        """The law of so many times as many documents of the same kind, with the same value."""
        return replace(self, copies=self.copies * copies)

    @property
    def standard_error(self) -> float:
        """Of the value, by cluster-robust variance; 0 where documents do not differ."""
        n = self._documents
        return math.sqrt(n / (n - 1) * self._moments.second / self.copies) if n > 1 else 0.0

    def unseen_cost(self, alpha: float) -> float:
        """The margin that these documents cannot get below, had not one of them been lost."""
        return self._unseen.cost(alpha ** (1 / self.copies))

    def unseen_variance(self, alpha: float) -> float:
        """The part of the variance that is a lost document's, for the lower bound at `alpha`."""
        return self._parts(alpha, -1.0)[1]

    @property
    def _documents(self) -> float:
        return len(self.contributions.gains) * self.copies

    def _level(self, threshold: float, side: float) -> float:
        """The level at which the bound that can only widen is the threshold."""
        from scipy.optimize import brentq

        def excess(log_alpha: float) -> float:
            return self._low(math.exp(log_alpha), side) - threshold

        above = math.log(LEVELS[0])
        if excess(above) <= 0:
            return 1.0
        for level in LEVELS[1:]:
            below = math.log(level)
            if excess(below) <= 0:
                return math.exp(float(brentq(excess, below, above, xtol=1e-9)))
            above = below
        return SMALLEST_P

    def _strictest(self, alpha: float, side: float) -> float:
        """The bound at this level, or at a larger one where that is stricter: on a few very uneven
        documents the size of a lost one falls faster with alpha than the quantile rises."""
        larger = (level for level in LEVELS if level > alpha)
        return min(self._low(level, side) for level in (alpha, *larger))

    def _low(self, alpha: float, side: float) -> float:
        """Lower bound of the value (side -1), or of minus the value (side 1)."""
        return self._parts(alpha, side)[0]

    def _parts(self, alpha: float, side: float) -> tuple[float, float]:
        """The bound, and the variance that the lost document adds."""
        from scipy.special import stdtrit

        moments, n = self._moments, self._documents
        if n < 2 or not moments.weighted:
            return -math.inf, 0.0
        unseen = n * -math.expm1(math.log(alpha) / n)
        hidden = self._unseen if side < 0 or self.at_gain is None else UnseenLosses(self.at_gain)
        size = hidden.cost(alpha ** (1 / self.copies)) / unseen
        quantile = -float(stdtrit(n - 1, alpha))
        skewing = min((2 * quantile**2 + 1) / 6, MOST_SKEWING * unseen)
        average = hidden.total / n
        even = min(1.0, EVEN * average / size) ** 4 if size > 0 else 0.0
        fading = _fading(quantile) * even
        weight = moments.weight_of_lost(
            side, size * self.copies, quantile, unseen - skewing, self.copies, fading
        )
        if size > 0:
            seen = moments.second / self.copies / size**2
            weight += MORE_WHERE_UNEVEN * (1 - even) * min(1.0, seen)
        lost = weight * size**2
        variance = n / (n - 1) * moments.second / self.copies + lost
        third = -side * moments.third / self.copies**2 - weight * size**3
        correction = skewing * max(0.0, -third) / variance if variance > 0 else 0.0
        bound = -side * moments.value - weight * size - quantile * math.sqrt(variance) - correction
        return bound, lost

    @cached_property
    def _unseen(self) -> UnseenLosses:
        return UnseenLosses(self.contributions.weights if self.at_risk is None else self.at_risk)

    @cached_property
    def _moments(self) -> _Moments:
        return _Moments.of(self.contributions)


@dataclass(frozen=True, eq=False)
class _Moments:
    """What the bound needs of the residuals, computed once."""

    value: float
    weighted: bool
    second: float
    third: float
    residuals: np.ndarray
    jump: float
    """Typical size of a gain, weighted by its square: sum |x|^3 / sum x^2."""
    off_lattice: float
    """Squared distance of the gains from multiples of `jump`, in units of it."""

    @classmethod
    def of(cls, contributions: Contributions) -> _Moments:
        import numpy as np

        residuals = contributions.residuals
        squares = residuals**2
        second, third = float(squares.sum()), float((squares * residuals).sum())
        # Of gains: residuals of equal documents lie on the lattice too, but shifted.
        steps = np.abs(contributions.gains)
        total = float((steps**2).sum())
        jump = float((steps**3).sum()) / total if total > 1e-24 else 0.0
        off = 0.0
        if jump > 0:
            off = float(((steps - jump * np.round(steps / jump)) ** 2).sum()) / jump**2
        weighted = bool(contributions.weights.any())
        return cls(contributions.value, weighted, second, third, residuals, jump, off)

    def weight_of_lost(
        self,
        side: float,
        size: float,
        quantile: float,
        room: float,
        copies: float,
        fading: float,
    ) -> float:
        """How many lost documents join.

        Args:
            size: of a lost document, on the scale of the residuals.
            room: lost documents that none seen allows, less the correction for skewness.
            copies: how often each document is there.
            fading: how fast ordinary noise hides lost documents.
        """
        if size <= 0:
            return 0.0
        # w0 + quantile * sqrt(w0) = room, solved for the square root.
        root = (-quantile + math.sqrt(quantile**2 + 4 * max(room, 0.0))) / 2
        most = root**2
        toward = self.residuals * -side
        ordinary = copies * float((toward[toward > -size / 2] ** 2).sum()) / size**2
        faded = most / (1 + fading * math.sqrt(ordinary))
        washed = math.exp(-2 * math.pi**2 * min(copies * self.off_lattice, 30.0))
        lattice = LATTICE_WEIGHT * min(1.0, self.jump / size) * washed
        return max(faded, min(lattice, most))


def _fading(quantile: float) -> float:
    return float(min(1.4, 3.4 / max(quantile, 0.5) ** 2.7))
