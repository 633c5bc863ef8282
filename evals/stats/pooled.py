"""McNemar's exact test over several tasks together, and what it can find.

Does: one-sided and two-sided p-values of the summed discordant answers; exact power and the smallest
drop that can be found. Does not: handle answers that depend on each other, or scores between right
and wrong (evals/stats/sign_flips.py).

Sources: McNemar 1947 (Psychometrika 12:153); Kuebler et al. 2026 (arXiv 2602.10144), who pool the
counts of several tasks and test one-sided: under the hypothesis that a change is harmless, each
answer that changed is lost or gained with equal chance, so that the number lost of those that
changed is Binomial(changed, 1/2) in every task, and so is the sum over tasks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.stats.binary import mcnemar_exact
from evals.stats.levels import require_alpha

if TYPE_CHECKING:
    import numpy as np

NEGLIGIBLE = 1e-12
"""Chance of the numbers of changed answers that are left out of a power, on either side."""


@dataclass(frozen=True)
class ChangedAnswers:
    """How many answers of a task, or of several, a change made wrong and right."""

    lost: int
    """Right by the reference alone."""
    gained: int
    """Right by the candidate alone."""
    rows: int
    """All answers."""

    def __post_init__(self) -> None:
        if min(self.lost, self.gained) < 0 or self.lost + self.gained > self.rows:
            raise ValueError(
                f"expected counts >= 0 whose sum is at most the {self.rows} rows, got {self.lost} "
                f"lost and {self.gained} gained"
            )

    @property
    def changed(self) -> int:
        """Answers that are right by one system alone."""
        return self.lost + self.gained

    @property
    def p_worse(self) -> float:
        """One-sided exact p-value: small when more answers are lost than chance explains.

        >>> ChangedAnswers(lost=163, gained=168, rows=25282).p_worse  # doctest: +ELLIPSIS
        0.62919...
        """
        return mcnemar_worse(self.lost, self.gained)

    @property
    def p_two_sided(self) -> float:
        """Exact p-value of the hypothesis that as many are lost as gained.

        >>> ChangedAnswers(lost=0, gained=5, rows=9).p_two_sided
        0.0625
        """
        return mcnemar_exact(self.gained, self.lost)


def pooled(tasks: Iterable[ChangedAnswers]) -> ChangedAnswers:
    """The counts of several tasks together: every answer counts alike, whatever its task.

    >>> pooled([ChangedAnswers(3, 1, 100), ChangedAnswers(9, 8, 1400)])
    ChangedAnswers(lost=12, gained=9, rows=1500)
    """
    parts = list(tasks)
    return ChangedAnswers(
        sum(part.lost for part in parts),
        sum(part.gained for part in parts),
        sum(part.rows for part in parts),
    )


def mcnemar_worse(lost: int, gained: int) -> float:
    """One-sided exact p-value of the hypothesis that no more is lost than gained.

    Args:
        lost, gained: answers that only the reference, only the candidate has right.
    Raises:
        ValueError: when a count is negative.

    >>> mcnemar_worse(5, 0)
    0.03125
    >>> mcnemar_worse(0, 0)
    1.0
    """
    from scipy.stats import binom

    if min(lost, gained) < 0:
        raise ValueError(f"expected counts >= 0, got {lost} and {gained}")
    return float(binom.sf(lost - 1, lost + gained, 0.5))


def pooled_mcnemar_power(rows: int, changed: float, drop: float, *, alpha: float) -> float:
    """Chance that the one-sided test finds a true drop, exactly.

    The number of answers that change is Binomial(rows, changed), and of these each is lost with
    chance (1 + drop / changed) / 2. Where tasks differ in these chances, take their means over all
    answers; the true number of changed answers then varies a little less.

    Args:
        rows: answers over all tasks.
        changed: share of answers that the change turns right or wrong, in [0, 1].
        drop: true loss, in [-changed, changed].
        alpha: one-sided, in (0, 0.5).
    Raises:
        ValueError: when an argument is out of range.

    >>> round(pooled_mcnemar_power(25282, 0.0273, 0.003, alpha=0.05), 3)
    0.886
    >>> round(pooled_mcnemar_power(25282, 0.0273, 0.0, alpha=0.05), 3)  # false alarms
    0.046
    """
    import numpy as np
    from scipy.stats import binom

    require_alpha(alpha)
    if rows < 1 or not 0 <= changed <= 1 or abs(drop) > changed + NEGLIGIBLE:
        raise ValueError(
            f"expected rows >= 1 and |drop| <= changed <= 1, got {rows}, {drop:g} and {changed:g}"
        )
    if changed == 0:
        return 0.0
    least, most = binom.isf([1 - NEGLIGIBLE, NEGLIGIBLE], rows, changed).astype(int)
    numbers = np.arange(max(0, least - 1), most + 1)
    needed = least_lost(numbers, alpha)
    chance_lost = min(1.0, max(0.0, (1 + drop / changed) / 2))
    found = binom.sf(needed - 1, numbers, chance_lost)
    return float(binom.pmf(numbers, rows, changed) @ found)


def least_lost(changed: np.ndarray, alpha: float) -> np.ndarray:
    """Fewest lost answers of so many changed ones at which the p-value is at most alpha.

    More than all of them where not even that would do.

    >>> least_lost([4, 5, 10], 0.05).tolist()
    [5, 5, 9]
    """
    import numpy as np
    from scipy.stats import binom

    numbers = np.asarray(changed)
    needed = binom.isf(alpha, numbers, 0.5).astype(int) + 1
    # isf may be one too high where a tail equals alpha but for rounding.
    fewer = binom.sf(needed - 2, numbers, 0.5) <= alpha
    return np.asarray(np.where(fewer, needed - 1, needed))


def minimum_detectable_drop(
    rows: int, changed: float, *, alpha: float, power: float = 0.8
) -> float | None:
    """Smallest true drop that the pooled test finds with a chance of `power`.

    Args:
        rows: answers over all tasks.
        changed: share of answers that change, in [0, 1]; where a drop is larger than it, every
            changed answer is a lost one.
        alpha: one-sided, in (0, 0.5).
        power: in (alpha, 1).
    Returns:
        In (0, 1]; None where so few rows cannot show any drop with that chance.

    >>> round(minimum_detectable_drop(1500, 0.014, alpha=0.05), 4)
    0.0079
    >>> minimum_detectable_drop(4, 0.1, alpha=0.05) is None
    True
    """
    from scipy.optimize import brentq

    if not alpha < power < 1:
        raise ValueError(f"power: expected a chance in ({alpha}, 1), got {power}")

    def excess(drop: float) -> float:
        share = max(changed, drop)
        return pooled_mcnemar_power(rows, share, drop, alpha=alpha) - power

    if excess(1.0) < 0:
        return None
    return float(brentq(excess, 0.0, 1.0, xtol=1e-6))
