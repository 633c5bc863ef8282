"""How far a judge agrees with people on one criterion.

Does: confusion, raw agreement and Cohen's kappa with quadratic weights, with bounds over documents.
Does not: ask the judge or decide whether the agreement is enough.

Sources: Cohen 1968 (Psychological Bulletin 70:213) for weighted kappa.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from configs.errors import EvidenceError
from configs.rubric import Criterion
from configs.strict_model import StrictModel
from evals.judge.interval import Interval, resampled_interval, sums_by_document


class Agreement(StrictModel):
    """Judge and people on the same answers, by one criterion."""

    criterion: str
    levels: tuple[int, ...]
    confusion: tuple[tuple[int, ...], ...]
    """Number of answers by human score (line) and the judge's score (column)."""
    kappa: Interval
    """Cohen's kappa with quadratic weights: 1 is full agreement, 0 that of chance."""
    same: Interval
    """Share of answers with the same score."""
    alpha: float
    """Error rate of each bound."""
    rows: int
    """Answers labelled."""
    clusters: int
    """Independent documents."""


def agreement(
    criterion: Criterion,
    judged: Sequence[int | None],
    human: Sequence[int],
    clusters: Sequence[str],
    *,
    alpha: float,
    seed: int = 0,
) -> Agreement:
    """Compare a judge's scores with human ones.

    Args:
        judged: the judge's score of every answer. None, an unreadable judgement, counts as the
            score that is farthest from the human one.
        clusters: document of every answer; documents are resampled whole.
        alpha: one-sided error rate of each bound.

    Raises:
        EvidenceError: when people gave all answers the same score, which no judge can be tested by,
            or there are fewer than two documents.
    """
    import numpy as np

    levels = criterion.levels
    documents = len(set(clusters))
    if len(set(human)) < 2 or documents < 2:
        raise EvidenceError(
            f"human labels of {criterion.name}",
            f"expected answers of different scores from at least two documents, got "
            f"{len(set(human))} score(s) in {documents} document(s)",
            "Label answers of different quality.",
        )
    size = len(levels)
    cells = np.zeros((len(human), size * size))
    for row, (by_person, by_judge) in enumerate(zip(human, judged, strict=True)):
        place = levels.index(by_person)
        farthest = 0 if place > (size - 1) / 2 else size - 1
        column = farthest if by_judge is None else levels.index(by_judge)
        cells[row, place * size + column] = 1
    sums = sums_by_document(cells, clusters)
    worst, best = np.zeros((size, size)), np.eye(size) / size
    worst[0, -1] = worst[-1, 0] = 0.5
    kappa, same = (
        resampled_interval(
            sums, partial(statistic, size), worst=worst.ravel(), best=best.ravel(),
            rows=len(human), support=support, alpha=alpha, seed=seed,
        )
        for statistic, support in ((weighted_kappa, (-1.0, 1.0)), (same_share, (0.0, 1.0)))
    )  # fmt: skip
    counts = cells.sum(axis=0).reshape(size, size).astype(int)
    return Agreement(
        criterion=criterion.name,
        levels=levels,
        confusion=tuple(tuple(line) for line in counts.tolist()),
        kappa=kappa,
        same=same,
        alpha=alpha,
        rows=len(human),
        clusters=documents,
    )


def weighted_kappa(levels: int, cells: Any) -> Any:
    """Kappa of flattened confusions (..., levels * levels), shape (...); 0 where it is undefined
    because either side gave one score only.

    scikit-learn's cohen_kappa_score takes one confusion at a time, which is too slow for thousands
    of resamples; the tests hold this against it.
    """
    import numpy as np

    counts = np.asarray(cells, dtype=float).reshape(*np.shape(cells)[:-1], levels, levels)
    places = np.arange(levels)
    weights = (places[:, None] - places) ** 2
    total = counts.sum(axis=(-2, -1))
    by_chance = counts.sum(axis=-1)[..., :, None] * counts.sum(axis=-2)[..., None, :]
    observed = (weights * counts).sum(axis=(-2, -1)) * total
    expected = (weights * by_chance).sum(axis=(-2, -1))
    defined = expected > 0
    return np.where(defined, 1 - observed / np.where(defined, expected, 1.0), 0.0)


def same_share(levels: int, cells: Any) -> Any:
    """Share of equal scores of flattened confusions (..., levels * levels), shape (...)."""
    import numpy as np

    counts = np.asarray(cells, dtype=float)
    same = np.eye(levels).ravel()
    total = counts.sum(axis=-1)
    return (counts @ same) / np.where(total > 0, total, 1.0)
