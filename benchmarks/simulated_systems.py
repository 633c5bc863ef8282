"""Pairs of simulated systems whose true difference is known exactly, for each kind of metric.

Does: draw the scores of a candidate and a reference on the same documents, rows of one document
depending on each other. Does not: decide.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.evaluation import Evaluation
from evals.metric import Metric, count_metrics, f1_ratio, mean_metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

REFERENCE_VALUE = 0.8
"""True value of the metric for the reference."""

AGREEMENT = 0.7
"""Chance that a trial (a row, or an item of it) is as hard for one system as for the other."""

DOCUMENT_SHARE = 0.4
"""Chance that a trial is as hard as its document, if rows are clustered: the intra-cluster
correlation of difficulty."""

ROWS_PER_DOCUMENT = (1, 2, 3, 4, 5)
ITEMS_PER_ROW = 4
WRONG_ITEMS_PER_ROW = 0.6
CLASSES = ("routine", "soon", "urgent")
CLASS_SHARES = (0.5, 0.3, 0.2)


@dataclass(frozen=True)
class Kind:
    """One kind of metric and how its scores are drawn."""

    metric: Metric
    draw: Callable[[np.random.Generator, np.ndarray, float], pd.DataFrame]
    """Generator, difficulty of each trial (rows x items, uniform in [0, 1]), share right -> columns
    of the frame, which must depend on the system through these arguments alone."""
    share_right: Callable[[float], float]
    """The share of rows or items right that gives the metric this true value."""


def _binary(rng: np.random.Generator, latent: np.ndarray, share: float) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"accuracy": (latent[:, 0] < share).astype(float)})


def _graded(rng: np.random.Generator, latent: np.ndarray, share: float) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"rouge_l": (latent < share).mean(axis=1)})


def _items(rng: np.random.Generator, latent: np.ndarray, share: float) -> pd.DataFrame:
    import pandas as pd

    found = (latent < share).sum(axis=1)
    wrong = rng.poisson(WRONG_ITEMS_PER_ROW, size=len(latent))
    return pd.DataFrame({"tp": found, "fp": wrong, "fn": latent.shape[1] - found}).astype(float)


def _items_share(value: float) -> float:
    """F1 = 2 p n / (p n + n + w): solved for p, with n items and w wrong ones expected per row."""
    n, w = ITEMS_PER_ROW, WRONG_ITEMS_PER_ROW
    return value * (n + w) / (n * (2 - value))


def _classes(rng: np.random.Generator, latent: np.ndarray, share: float) -> pd.DataFrame:
    """Every class is recognised with the same chance; a wrong answer is a fourth label, so that no
    class has false positives and the F1 of each is 2 p / (1 + p)."""
    import numpy as np
    import pandas as pd

    gold = np.searchsorted(np.cumsum(CLASS_SHARES), latent[:, -1], side="right").clip(max=2)
    right = latent[:, 0] < share
    columns = {}
    for number, name in enumerate(CLASSES):
        mine = gold == number
        columns |= {f"tp.{name}": mine & right, f"fp.{name}": 0 * mine, f"fn.{name}": mine & ~right}
    return pd.DataFrame(columns).astype(float)


KINDS = {
    "accuracy": Kind(mean_metric("accuracy", binary=True), _binary, lambda value: value),
    "graded score": Kind(mean_metric("rouge_l"), _graded, lambda value: value),
    "micro-F1": Kind(count_metrics()[0], _items, _items_share),
    "macro-F1": Kind(
        Metric(name="macro_f1", ratios=tuple(f1_ratio(f".{name}") for name in CLASSES)),
        _classes,
        lambda value: value / (2 - value),
    ),
}


def draw_pair(
    kind: Kind, true_difference: float, documents: int, *, clustered: bool, rng: np.random.Generator
) -> tuple[Evaluation, Evaluation]:
    """Candidate and reference on the same rows.

    Args:
        true_difference: candidate - reference of the metric in the population.
        clustered: one to five rows per document, alike in difficulty; otherwise one row each.
    """
    import numpy as np

    rows_of = (
        rng.choice(ROWS_PER_DOCUMENT, size=documents) if clustered else np.ones(documents, int)
    )
    document = np.repeat(np.arange(documents), rows_of)
    shape = (len(document), ITEMS_PER_ROW)
    reference = rng.random(shape)
    if clustered:
        of_document = rng.random((documents, ITEMS_PER_ROW))[document]
        reference = np.where(rng.random(shape) < DOCUMENT_SHARE, of_document, reference)
    candidate = np.where(rng.random(shape) < AGREEMENT, reference, rng.random(shape))
    # The last trial also stands for what the gold answer is, which is no property of a system.
    candidate[:, -1] = reference[:, -1]
    made = []
    values = {"candidate": REFERENCE_VALUE + true_difference, "baseline": REFERENCE_VALUE}
    for (name, value), latent in zip(values.items(), (candidate, reference), strict=True):
        frame = kind.draw(rng, latent, kind.share_right(value))
        frame["id"] = [f"r{number}" for number in range(len(document))]
        frame["cluster"] = document
        made.append(Evaluation(name, name, "simulated", "simulated", (kind.metric,), frame))
    return made[0], made[1]
