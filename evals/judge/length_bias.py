"""Whether a judge scores answers by their length.

Does: rank correlation of score and length, at equal human scores where these are known.
Does not: prove bias without human scores: longer answers may well be better.

Source: Conover 1999 (Practical Nonparametric Statistics, section 5.4) for partial rank correlation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from configs.strict_model import StrictModel
from evals.judge.interval import Interval

if TYPE_CHECKING:
    import numpy as np

RESAMPLES = 1000
"""Ranks are computed anew in each, which no array operation does for all of them at once."""


class LengthBias(StrictModel):
    """Correlation of the judge's score with the length of the answer."""

    criterion: str
    correlation: Interval
    """Spearman's, partial where `controlled`; in [-1, 1]."""
    controlled: bool
    """Whether it is taken at equal human scores; if not, it is a hint and no proof of bias."""
    alpha: float
    """Error rate of each bound."""
    rows: int
    clusters: int
    """Independent documents."""


def length_bias(
    criterion: str,
    scores: Sequence[float],
    lengths: Sequence[float],
    clusters: Sequence[str],
    *,
    human: Sequence[float] | None = None,
    alpha: float,
    seed: int = 0,
) -> LengthBias:
    """Measure length bias over answers, or over pairs of answers if differences are given.

    Args:
        scores: the judge's scores, or the difference within each pair.
        lengths: of the answers, in any unit, or the difference within each pair.
        human: human scores of the same answers, or their differences.
        alpha: one-sided error rate of each percentile bound; documents are resampled whole.
    """
    import numpy as np

    columns = [scores, lengths] if human is None else [scores, lengths, human]
    table = np.column_stack([np.asarray(column, dtype=float) for column in columns])
    keys, places = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    rows_of = [np.flatnonzero(places == place) for place in range(len(keys))]
    rng = np.random.default_rng(seed)
    draws = [
        partial_rank_correlation(
            table[np.concatenate([rows_of[i] for i in rng.integers(0, len(keys), len(keys))])]
        )
        for _ in range(RESAMPLES)
    ]
    value = partial_rank_correlation(table)
    low, high = (float(np.quantile(draws, level)) for level in (alpha, 1 - alpha))
    return LengthBias(
        criterion=criterion,
        correlation=Interval(value=value, low=min(value, low), high=max(value, high)),
        controlled=human is not None,
        alpha=alpha,
        rows=len(table),
        clusters=len(keys),
    )


def partial_rank_correlation(table: np.ndarray) -> float:
    """Spearman's correlation of the first two columns at equal values of the third, if there is one.

    0 where either column does not vary, or the third determines it: nothing is then left that
    could be correlated.

    Args:
        table: shape (rows, 2 or 3).
    """
    import numpy as np
    from scipy.stats import rankdata

    ranks = rankdata(table, axis=0)
    varies = np.ptp(ranks, axis=0) > 0
    if not varies[:2].all():
        return 0.0
    # corrcoef of ranks is spearmanr without its p-values, and much faster over thousands of tables.
    found = np.corrcoef(ranks[:, varies], rowvar=False)
    if len(found) == 2:
        return float(found[0, 1])
    rest = (1 - found[0, 2] ** 2) * (1 - found[1, 2] ** 2)
    if rest < 1e-12:
        return 0.0
    return float((found[0, 1] - found[0, 2] * found[1, 2]) / np.sqrt(rest))
