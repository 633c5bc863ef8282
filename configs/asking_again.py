"""How a sample of the test set is asked again, to learn whether the evaluation itself is stable.

Does: hold the settings. Does not: ask (evals/stability.py), or bound what may change
(configs/gate_policy.py).
"""

from __future__ import annotations

import math

from pydantic import Field

from configs.strict_model import StrictModel


class AskAgain(StrictModel):
    """A second asking of some rows, in another order and in batches of another size."""

    rows: int = Field(default=40, ge=0)
    """Rows of the test set, drawn at random, that local weights answer a second time; all of them
    where the test set has no more. 0: none."""

    batch_size: int | None = Field(default=None, ge=1)
    """Rows that local weights answer at once the second time; one at a time is the strictest and the
    slowest. Empty: a quarter of evaluation.batch_size, or 2 where that is 1."""

    endpoints: bool = False
    """Ask an endpoint again too, in another order. Its answers are then paid for a second time."""

    def second_batch_size(self, first: int) -> int:
        """Rows answered at once the second time.

        Args:
            first: rows answered at once the first time, at least 1.
        """
        if self.batch_size is not None:
            return self.batch_size
        return max(1, first // 4) if first > 1 else 2


def rows_to_show(share: float, alpha: float) -> int:
    """Fewest rows that can show that a share is smaller than this: so many of which none changed.

    With k rows and no change the upper bound of Clopper and Pearson (1934) is 1 - alpha^(1/k).

    Args:
        share: in (0, 1).
        alpha: one-sided error rate of the bound, in (0, 1).

    >>> rows_to_show(0.05, 0.05), rows_to_show(0.1, 0.05)
    (59, 29)
    """
    return math.floor(math.log(alpha) / math.log1p(-share)) + 1
