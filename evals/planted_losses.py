"""Losses of a known size, planted where they are hard to see.

Does: say how recorded answers look after a loss of one kind, and with which chance a document must have
it so that a metric's true value falls by a given amount. Does not: draw or decide (evals/selftest.py).

Each kind is one that a gate can miss although it sees losses spread evenly: in the largest documents
alone, in one slice value, in one class or field, as many false items in few answers.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evals.drawn_documents import Answers, Drawn
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.metric import ROWS, Metric
from evals.planted_regressions import spoiled
from evals.recorded_documents import RecordedDocuments
from evals.scorers.false_items import CAP_PER_GOLD_ITEM, CAP_WITHOUT_GOLD
from evals.stats.contributions import document_weights
from evals.stats.totals import metric_of_sums

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

LossKind = Literal[
    "random documents", "largest documents", "one slice", "one class or field", "bursts"
]
LOSS_KINDS: tuple[LossKind, ...] = (
    "random documents", "largest documents", "one slice", "one class or field", "bursts",
)  # fmt: skip
LARGEST_SHARE = 0.1
"""Share of documents that count as the largest, unless losing them all is not enough."""


def most_false_items(gold_items: pd.Series) -> pd.Series:
    """The most false items that an answer of a burst has: as many as count in one row."""
    return CAP_PER_GOLD_ITEM * gold_items + CAP_WITHOUT_GOLD


@dataclass(frozen=True, eq=False)
class PlantedLoss:
    """A loss of one kind, ready to be drawn."""

    kind: LossKind
    where: str
    """In words: which documents, slice value, class or field."""
    recorded: RecordedDocuments
    """Versions: candidate, reference, and both after the loss."""
    at_risk: np.ndarray
    """Whether each document may have it."""
    chance: float
    """With which a document at risk has it."""

    def draw(self, rng: np.random.Generator, candidates: int) -> Drawn:
        """As many documents as were recorded, with replacement; the two systems swapped in each with a
        chance of one half, which makes them exchangeable, and then the loss for each candidate."""
        import numpy as np

        size = len(self.recorded.keys)
        documents = rng.integers(size, size=size)
        swapped = rng.integers(2, size=size)
        reference = Answers(1 - swapped, documents)
        alone = []
        for _ in range(candidates):
            hit = self.at_risk[documents] & (rng.random(size) < self.chance)
            alone.append(Answers(swapped + np.where(hit, 2, 0), documents))
        return Drawn(documents, tuple(alone), tuple(((ours, reference),) for ours in alone))


@dataclass(frozen=True)
class NotPlanted:
    """Why a kind of loss cannot be planted."""

    kind: LossKind
    why: str


def plant(
    kind: LossKind, candidate: Evaluation, reference: Evaluation, metric: Metric, loss: float
) -> PlantedLoss | NotPlanted:
    """A loss of one kind by which the metric's true value falls by `loss`.

    A population's value is a function of expected sums, which are linear in the chance of a loss.

    Args:
        candidate, reference: of the same rows in the same order.
        loss: at least 0.
    """
    pair = (candidate, reference)
    if kind == "random documents":
        damages: Iterator[tuple[str, tuple[Evaluation, ...]]] = iter(
            [("any document", tuple(map(spoiled, pair)))]
        )
    elif kind == "largest documents":
        return _in_largest(pair, metric, loss)
    elif kind == "one slice":
        damages = _by_slice(pair)
    elif kind == "one class or field":
        damages = _by_class(pair, metric)
    else:
        damages = _bursts(pair, metric)
    tried = []
    for where, damaged in damages:
        tried.append(where)
        recorded = RecordedDocuments((*pair, *damaged))
        sums = recorded.view(metric).sums
        everywhere = (sums[2:] != sums[:2]).any(axis=(0, 2))
        chance = _chance(metric, sums, everywhere, loss)
        if chance is not None:
            return PlantedLoss(kind, where, recorded, everywhere, chance)
    if not tried:
        return NotPlanted(kind, _NOWHERE[kind])
    return NotPlanted(
        kind, f"{metric.name} cannot fall by {loss:g} through {', nor '.join(tried)} alone"
    )


_NOWHERE: dict[LossKind, str] = {
    "random documents": "there is no document",
    "largest documents": "there is no document",
    "one slice": "the task declares no slice",
    "one class or field": "the metric has no classes or fields of its own",
    "bursts": "false items do not count in the metric",
}


def _chance(metric: Metric, sums: np.ndarray, at_risk: np.ndarray, loss: float) -> float | None:
    """Chance of a loss for each document at risk; None when certainty is not enough."""
    from scipy.optimize import brentq

    if loss == 0:
        return 0.0
    whole = sums[:2].sum(axis=(0, 1))
    change = (sums[2:] - sums[:2])[:, at_risk].sum(axis=(0, 1))
    sign = 1 if metric.higher_is_better else -1

    def short_of_loss(chance: float) -> float:
        fallen = metric_of_sums(metric, whole) - metric_of_sums(metric, whole + chance * change)
        return float(sign * fallen) - loss

    if short_of_loss(1.0) < 0:
        return None
    return float(brentq(short_of_loss, 0.0, 1.0))


def _in_largest(
    pair: tuple[Evaluation, Evaluation], metric: Metric, loss: float
) -> PlantedLoss | NotPlanted:
    import numpy as np

    recorded = RecordedDocuments((*pair, *map(spoiled, pair)))
    sums = recorded.view(metric).sums
    order = np.argsort(-document_weights(metric, sums[0], sums[1]), kind="stable")
    count = math.ceil(LARGEST_SHARE * len(order))
    while True:
        at_risk = np.zeros(len(order), dtype=bool)
        at_risk[order[:count]] = True
        chance = _chance(metric, sums, at_risk, loss)
        if chance is not None:
            where = f"the {count} largest of {len(order)} documents"
            return PlantedLoss("largest documents", where, recorded, at_risk, chance)
        if count == len(order):
            return NotPlanted(
                "largest documents", f"{metric.name} cannot fall by {loss:g} in all documents"
            )
        count = min(len(order), math.ceil(count * 1.2))


def _changed(
    pair: tuple[Evaluation, ...], change: Callable[[Evaluation], pd.DataFrame]
) -> tuple[Evaluation, ...]:
    return tuple(dataclasses.replace(e, frame=change(e)) for e in pair)


def _by_slice(
    pair: tuple[Evaluation, Evaluation],
) -> Iterator[tuple[str, tuple[Evaluation, ...]]]:
    """Every value of every slice, that of the fewest documents first."""
    frame = pair[1].frame
    values = []
    for column in (c for c in map(str, frame.columns) if c.startswith(SLICE_PREFIX)):
        for value, rows in frame.groupby(column):
            values.append((rows["cluster"].nunique(), column, value))
    for _, column, value in sorted(values, key=lambda found: (found[0], str(found[1:]))):

        def lost(
            evaluation: Evaluation, column: str = column, value: object = value
        ) -> pd.DataFrame:
            whole, empty = evaluation.frame, spoiled(evaluation).frame
            return whole.where(whole[column] != value, empty)

        yield f"{column.removeprefix(SLICE_PREFIX)} = {value}", _changed(pair, lost)


def _by_class(
    pair: tuple[Evaluation, Evaluation], metric: Metric
) -> Iterator[tuple[str, tuple[Evaluation, ...]]]:
    """Every class or field whose right items the frame counts, the one of fewest documents first.

    Its right items become missed ones, there and in the counts over all; a row that has nothing else
    right is lost as a whole, as a label that is not recognised is.
    """
    frame = pair[1].frame
    columns = [str(column) for column in frame.columns]
    names = [c[3:] for c in columns if c.startswith("tp.") and f"fn.{c[3:]}" in columns]
    counted = set(metric.columns)
    if {"tp", "fn"} & counted:
        concerned = names
    elif any(column.startswith("tp.") for column in counted):
        concerned = [name for name in names if f"tp.{name}" in counted]
    else:
        concerned = names if metric.binary and _one_item_per_row(frame, names) else []
    if len(concerned) < 2 and f"tp.{''.join(concerned)}" not in counted:
        return  # one field that is all there is
    carrying = {
        name: frame.loc[frame[f"tp.{name}"] + frame[f"fn.{name}"] > 0, "cluster"].nunique()
        for name in concerned
    }
    for name in sorted(concerned, key=lambda name: (carrying[name], name)):

        def lost(evaluation: Evaluation, name: str = name) -> pd.DataFrame:
            made = evaluation.frame.copy()
            right = made[f"tp.{name}"].copy()
            others = sum(made[f"tp.{other}"] for other in names if other != name)
            made[f"tp.{name}"] -= right
            made[f"fn.{name}"] += right
            if {"tp", "fn"} <= set(made.columns):
                made["tp"] = (made["tp"] - right).clip(lower=0)
                made["fn"] += right
            emptied = (right > 0) & (others == 0)
            shares = {
                column
                for m in evaluation.metrics
                for column in m.columns
                if m.binary and not column.startswith(("tp", "fp", "fn", "valid"))
            }
            empty = spoiled(evaluation).frame
            for column in shares:
                made[column] = made[column].where(~emptied, empty[column])
            return made

        yield name, _changed(pair, lost)


def _one_item_per_row(frame: pd.DataFrame, names: list[str]) -> bool:
    """Whether each row has one gold item in all, as a label is."""
    gold = frame[[f"{count}.{name}" for count in ("tp", "fn") for name in names]].sum(axis=1)
    return bool(names) and bool((gold == 1).all())


def _bursts(
    pair: tuple[Evaluation, Evaluation], metric: Metric
) -> Iterator[tuple[str, tuple[Evaluation, ...]]]:
    """As many false items in every answer of a document as can count."""
    import numpy as np

    wrong = {
        column
        for ratio in metric.ratios
        for column in ratio.denominator
        if column not in ratio.numerator and column not in ratio.missed and column != ROWS
    }
    if not wrong:
        return
    gold_columns = {c for ratio in metric.ratios for c in (*ratio.numerator, *ratio.missed)}

    def burst(evaluation: Evaluation) -> pd.DataFrame:
        made = evaluation.frame.copy()
        gold = made[sorted(gold_columns)].sum(axis=1)
        for column in wrong:
            share = np.ceil(most_false_items(gold) / len(wrong))
            made[column] = np.maximum(made[column], share)
        return made

    yield "as many false items as count in an answer", _changed(pair, burst)
