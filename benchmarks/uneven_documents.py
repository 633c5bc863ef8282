"""Systems that are worse by exactly the margin, on documents that make that hard to see.

Does: draw document sums of a candidate and a reference whose true difference is known exactly, given
the documents. Does not: decide (benchmarks/error_rates.py).

What varies: how large documents are, where losses fall (any document, larger ones more often, the
largest only), noise of rows that depend on each other, bursts of false items, rare classes and fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metric import Metric, count_metrics, f1_ratio, mean_metric
from evals.scorers.false_items import most_false_items
from evals.stats.totals import metric_of_sums

if TYPE_CHECKING:
    import numpy as np

ITEMS_PER_ROW = 4
FOUND = 0.9
"""Chance that a row or an item is right, unless scores are at the ceiling."""
WRONG_PER_ROW = 0.3
LARGEST = 0.1
"""Share of documents that count as the largest."""
CLASS_SHARES = (0.5, 0.3, 0.2)


@dataclass(frozen=True)
class Cell:
    """One setting of the grid."""

    metric: str
    sizes: str
    losses: str
    noise: float
    """Share of rows (or items) in which the two systems differ by chance."""
    icc: float
    """Chance that all rows of a document share that difference."""
    documents: int
    margin: float
    alpha: float
    ceiling: bool = False
    """Whether the reference has everything right."""


def sizes_of(law: str, documents: int, rng: np.random.Generator) -> np.ndarray:
    """Rows of each document."""
    import numpy as np

    laws: dict[str, Callable[[], np.ndarray]] = {
        "equal": lambda: np.ones(documents, int),
        "1 to 5": lambda: rng.integers(1, 6, documents),
        "lognormal": lambda: np.maximum(1, np.round(rng.lognormal(0.7, 1.0, documents))).astype(
            int
        ),
        "Zipf": lambda: np.minimum(rng.zipf(2.0, documents), 50),
        "a tenth has 10": lambda: np.where(rng.random(documents) < 0.1, 10, 1),
        "one has 40%": lambda: np.append(
            rest := rng.integers(1, 4, documents - 1), round(rest.sum() * 2 / 3)
        ),
    }
    return laws[law]()


def loss_weights(law: str, sizes: np.ndarray) -> np.ndarray:
    """Relative chance of each document to be lost."""
    import numpy as np

    if law == "largest":
        first = max(1, round(LARGEST * len(sizes)))
        chosen = np.zeros(len(sizes))
        chosen[np.argsort(-sizes, kind="stable")[:first]] = 1
        return chosen
    return sizes.astype(float) if law == "growing" else np.ones(len(sizes))


def chances(
    weights: np.ndarray, lost_by: Callable[[np.ndarray], float], loss: float
) -> np.ndarray | None:
    """Chances of documents, proportional to weights up to 1, that lower the metric by exactly `loss`;
    None if losing all of them is not enough."""
    import numpy as np
    from scipy.optimize import brentq

    def excess(scale: float) -> float:
        return lost_by(np.minimum(1, scale * weights)) - loss

    most = 1 / weights[weights > 0].min()
    if excess(most) < 0:
        return None
    return np.minimum(1, brentq(excess, 0, most, xtol=1e-12) * weights)


def _right(sizes: np.ndarray, per_row: int, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    """Rows or items right, of reference and candidate, (2, documents), equal in distribution."""
    import numpy as np

    trials = sizes * per_row
    found = 1.0 if cell.ceiling else FOUND
    base = rng.binomial(trials, found)
    if cell.ceiling or cell.noise == 0:
        return np.stack([base, base])
    # Each system differs from what both share in rows, or in whole documents, of its own.
    own = []
    for _ in range(2):
        right, wrong = (rng.binomial(part, cell.noise / 2) for part in (base, trials - base))
        by_row = base - right + rng.binomial(right + wrong, found)
        redrawn = rng.random(len(sizes)) < cell.noise / 2
        by_document = np.where(redrawn, rng.binomial(trials, found), base)
        own.append(np.where(rng.random(len(sizes)) < cell.icc, by_document, by_row))
    return np.stack(own)


@dataclass(frozen=True, eq=False)
class Drawn:
    """One gate's evidence as document sums."""

    metric: Metric
    candidate: np.ndarray
    reference: np.ndarray | None
    rows: int
    threshold: float
    """-margin, or the true value of the candidate for a floor."""


def draw(cell: Cell, rng: np.random.Generator) -> Drawn | None:
    """One gate; None where the losses cannot be planted."""
    import numpy as np

    sizes = sizes_of(cell.sizes, cell.documents, rng)
    draws = {
        "mean": _mean,
        "floor": _floor,
        "micro-F1": _micro,
        "bursts": _bursts,
        "macro-F1": _macro,
    }
    if cell.metric in draws:
        return draws[cell.metric](cell, sizes, rng)
    carrying = int(cell.metric.split()[-1])  # "field of 10"
    present = np.zeros(len(sizes))
    present[rng.permutation(len(sizes))[:carrying]] = 1
    return _micro(cell, sizes, rng, present.astype(int))


def _mean(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> Drawn | None:
    import numpy as np

    total, found = sizes.sum(), 1.0 if cell.ceiling else FOUND
    p = chances(
        loss_weights(cell.losses, sizes), lambda p: float(p @ sizes) * found / total, cell.margin
    )
    if p is None:
        return None
    theirs, ours = _right(sizes, 1, cell, rng)
    ours = np.where(rng.random(len(sizes)) < p, 0, ours)
    sums = [np.column_stack([right, sizes, 0 * sizes]).astype(float) for right in (ours, theirs)]
    return Drawn(mean_metric("accuracy"), sums[0], sums[1], int(total), -cell.margin)


def _floor(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> Drawn | None:
    drawn = _mean(cell, sizes, rng)
    if drawn is None:
        return None
    found = 1.0 if cell.ceiling else FOUND
    return Drawn(drawn.metric, drawn.candidate, None, drawn.rows, found - cell.margin)


def _counts(right: np.ndarray, wrong: np.ndarray, gold: np.ndarray) -> np.ndarray:
    import numpy as np

    missed = gold - right
    return np.column_stack([2 * right, 2 * right + wrong + missed, missed]).astype(float)


def _micro(
    cell: Cell, sizes: np.ndarray, rng: np.random.Generator, present: np.ndarray | None = None
) -> Drawn | None:
    """Lost documents miss every item and name as many false ones."""
    import numpy as np

    held = sizes if present is None else sizes * present
    gold, found = held * ITEMS_PER_ROW, 1.0 if cell.ceiling else FOUND
    wrong_mean = 0.0 if cell.ceiling else WRONG_PER_ROW
    metric = count_metrics()[0]
    usual = _counts(found * gold, wrong_mean * held, gold)
    lost = _counts(0 * gold, gold, gold)
    before = float(metric_of_sums(metric, usual.sum(axis=0)))

    def lost_by(p: np.ndarray) -> float:
        mixed = (1 - p) @ usual + p @ lost
        return before - float(metric_of_sums(metric, mixed))

    weights = loss_weights(cell.losses, held) * (held > 0)
    p = chances(weights, lost_by, cell.margin)
    if p is None:
        return None
    theirs, ours = _right(held, ITEMS_PER_ROW, cell, rng)
    wrong = rng.poisson(wrong_mean * held, (2, len(held)))
    gone = rng.random(len(held)) < p
    candidate = _counts(np.where(gone, 0, ours), np.where(gone, gold, wrong[0]), gold)
    return Drawn(metric, candidate, _counts(theirs, wrong[1], gold), int(sizes.sum()), -cell.margin)


def _bursts(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> Drawn | None:
    """Everything is found, and some documents name as many false items as may count."""
    import numpy as np

    gold = sizes * ITEMS_PER_ROW
    burst = np.array([most_false_items(int(items)) for items in gold])
    metric = count_metrics()[0]
    usual = _counts(FOUND * gold, WRONG_PER_ROW * sizes, gold)
    bursting = _counts(FOUND * gold, burst, gold)
    before = float(metric_of_sums(metric, usual.sum(axis=0)))

    def lost_by(p: np.ndarray) -> float:
        return before - float(metric_of_sums(metric, (1 - p) @ usual + p @ bursting))

    p = chances(loss_weights(cell.losses, sizes), lost_by, cell.margin)
    if p is None:
        return None
    theirs, ours = _right(sizes, ITEMS_PER_ROW, cell, rng)
    wrong = rng.poisson(WRONG_PER_ROW * sizes, (2, len(sizes)))
    wrong[0] = np.where(rng.random(len(sizes)) < p, burst, wrong[0])
    return Drawn(
        metric,
        _counts(ours, wrong[0], gold),
        _counts(theirs, wrong[1], gold),
        int(sizes.sum()),
        -cell.margin,
    )


def _macro(cell: Cell, sizes: np.ndarray, rng: np.random.Generator) -> Drawn | None:
    """One class per document; losses fall in the rarest class alone."""
    import numpy as np

    of = rng.choice(len(CLASS_SHARES), size=len(sizes), p=CLASS_SHARES)
    names = [str(number) for number in range(len(CLASS_SHARES))]
    metric = Metric(name="macro_f1", ratios=tuple(f1_ratio(f".{name}") for name in names))
    found = 1.0 if cell.ceiling else FOUND

    def sums(right: np.ndarray) -> np.ndarray:
        parts = [
            _counts(right * (of == number), 0 * sizes, sizes * (of == number))
            for number in range(len(names))
        ]
        return np.hstack(parts)

    usual, lost = sums(found * sizes), sums(0 * sizes)
    before = float(metric_of_sums(metric, usual.sum(axis=0)))

    def lost_by(p: np.ndarray) -> float:
        return before - float(metric_of_sums(metric, (1 - p) @ usual + p @ lost))

    weights = loss_weights(cell.losses, sizes) * (of == len(names) - 1)
    if not weights.any():
        return None
    p = chances(weights, lost_by, cell.margin)
    if p is None:
        return None
    theirs, ours = _right(sizes, 1, cell, rng)
    ours = np.where(rng.random(len(sizes)) < p, 0, ours)
    return Drawn(metric, sums(ours), sums(theirs), int(sizes.sum()), -cell.margin)
