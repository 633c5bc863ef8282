"""Whether an evaluation is stable: some of its rows asked again, and what that changed.

Does: draw the rows, ask them in another order, compare answers and scores. Does not: choose the size
of batches (the engine that is given does), bound anything (evals/stability_check.py), or judge
answers by a model a second time.

Rows are drawn one by one, not by document. What is asked is how many of *this* test set's answers
change, and of rows drawn at random the number that change is hypergeometric whatever the documents
look like, also where one of them holds 40% of the rows. The binomial bounds of Clopper and Pearson
(1934, Biometrika 26:404) are wider than the hypergeometric ones. Whole documents would have to be
weighted by their size, and their bound widened by the largest. What must hold: that one row's answer
changes does not depend on which others are asked, beyond chance.
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pydantic import Field

from configs.errors import EngineError, EvidenceError
from configs.strict_model import StrictModel
from configs.task import TaskConfig
from evals.engines.completion import Engine, Progress
from evals.evaluation import Evaluation
from evals.runner import evaluate
from evals.stats.estimates import share_bounds
from evals.stats.paired import paired_difference

if TYPE_CHECKING:
    import numpy as np

TAIL = 0.025
"""Error of each end of a two-sided 95% interval."""


class ChangedRow(StrictModel):
    """A row whose answer read differently the second time."""

    id: str
    cluster: str
    metrics: tuple[str, ...]
    """Metrics whose sums over the row changed."""
    first: str | None = None
    """First answer; None where the task does not allow text to be shown."""
    again: str | None = None
    """Second answer; None likewise."""


class MovedMetric(StrictModel):
    """A metric over the rows that were asked again, by their first and by their second answers."""

    metric: str
    first: float
    again: float
    moved: float
    """again - first; the other way round where lower is better."""
    low: float
    """Lower end of the 95% interval of `moved`."""
    high: float
    """Upper end."""


class Stability(StrictModel):
    """What asking some rows of one evaluation again changed."""

    schema_version: int = Field(default=1, ge=1, le=1)
    system: str
    task: str
    rows: int = Field(ge=1)
    """Rows asked again."""
    clusters: int = Field(ge=1)
    """Documents they are of."""
    of_rows: int = Field(ge=1)
    """Rows of the evaluation."""
    batch_sizes: tuple[int, int] | None = None
    """Rows answered at once, first and again; None where the engine decides that by itself."""
    seconds: float = Field(ge=0)
    """What asking again took, weights loaded included."""
    low: float = Field(ge=0, le=1)
    """Lower end of the 95% interval of the share of changed answers."""
    high: float = Field(ge=0, le=1)
    """Upper end."""
    changed: tuple[ChangedRow, ...]
    """Rows whose answers differ, white space at both ends aside, in the order of their ids."""
    moved: tuple[MovedMetric, ...]
    """Every metric of the task, the primary one first."""

    @property
    def share(self) -> float:
        """Share of the answers asked again that changed."""
        return len(self.changed) / self.rows

    def of(self, metric: str) -> MovedMetric | None:
        """How far a metric moved; None if the task's own scorers do not measure it."""
        return next((one for one in self.moved if one.metric == metric), None)


def draw_rows(ids: Sequence[str], rows: int, seed: int) -> list[str]:
    """Ids of rows drawn at random, in random order; all of them if there are no more.

    Args:
        rows: how many, at least 1.
        seed: the same seed draws the same ids, in whatever order they are given.

    >>> draw_rows(["c", "a", "b"], 2, 7) == draw_rows(["a", "b", "c"], 2, 7)
    True
    >>> sorted(draw_rows(["c", "a", "b"], 5, 7))
    ['a', 'b', 'c']
    """
    ordered = sorted(ids)
    return random.Random(f"asked again/{seed}").sample(ordered, min(rows, len(ordered)))


def ask_again(
    engine: Engine,
    task: TaskConfig,
    rows: Sequence[Mapping[str, Any]],
    first: Evaluation,
    *,
    sample: int,
    seed: int,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Let the system of an evaluation answer some of its rows a second time, in another order.

    Args:
        engine: the same model; batches of another size say more.
        rows: all rows of the test set, of which those of the evaluation may be a part.
        first: the answers that were given before.
        sample: how many rows, at least 1; all where there are fewer.
    Returns:
        The second answers with their scores, by the task's own scorers.
    Raises:
        EvidenceError: when the evaluation has no rows, or rows that are not among those given.
        EngineError: when any row stays unanswered; it says that it was the second asking.
    """
    if sample < 1:
        raise ValueError(f"sample: expected at least one row to ask again, got {sample}")
    where = f"{first.system}, asked again"
    by_id = {row["id"]: row for row in rows}
    drawn = draw_rows(first.frame["id"].tolist(), sample, seed)
    if absent := [id for id in drawn if id not in by_id]:
        raise EvidenceError(
            where,
            f"expected the rows that were asked before, got none for {', '.join(absent[:5])}",
            "Give it the rows of that evaluation.",
        )
    try:
        return evaluate(
            engine,
            task,
            [by_id[id] for id in drawn],
            system=where,
            data_digest=first.data_digest,
            on_progress=on_progress,
        )
    except EngineError as error:
        raise EngineError(f"{where}: {error.where}", error.problem, error.action) from error


def asked_before(first: Evaluation, again: Evaluation) -> Evaluation:
    """The first answers to the rows that were asked again, in the order of the second ones.

    Raises:
        EvidenceError: when the two are not of the same task, data, rows and prompts.
    """
    where = f"{first.system}, asked again"
    if (first.task, first.data_digest) != (again.task, again.data_digest) or again.frame.empty:
        raise EvidenceError(
            where,
            f"expected second answers to rows of {first.task} on data {first.data_digest}, got "
            f"{again.rows} to {again.task} on {again.data_digest}",
            "Ask again: `pawl evaluate ... --again N`.",
        )
    digests = dict(zip(first.frame["id"], first.frame["prompt_digest"], strict=True))
    second = zip(again.frame["id"], again.frame["prompt_digest"], strict=True)
    if odd := [str(id) for id, prompt in second if digests.get(id) != prompt]:
        raise EvidenceError(
            where,
            f"expected second answers to the same prompts, got others for {len(odd)} rows: "
            f"{', '.join(odd[:5])}",
            "Ask again: `pawl evaluate ... --again N`.",
        )
    frame = first.frame.set_index("id", drop=False).loc[again.frame["id"].tolist()]
    return dataclasses.replace(first, frame=frame.reset_index(drop=True))


def changed_answers(first: Evaluation, again: Evaluation) -> np.ndarray:
    """Which answers read differently, white space at both ends aside; shape (rows asked again,).

    Args:
        first: as `asked_before` returns it.
    """
    import numpy as np

    texts = [e.frame["raw_output"].str.strip().to_numpy() for e in (first, again)]
    return np.asarray(texts[0] != texts[1], dtype=bool)


def compare(
    first: Evaluation,
    again: Evaluation,
    *,
    seconds: float,
    batch_sizes: tuple[int, int] | None = None,
    show_text: bool = False,
) -> Stability:
    """How many answers and how far the metrics moved.

    Args:
        first: all answers that were given before.
        again: second answers to some of the rows, as `ask_again` returns them.
        seconds: what asking again took.
        batch_sizes: rows answered at once, first and again.
        show_text: whether answers may be kept as text; they may name people.
    Raises:
        EvidenceError: when the two are not of the same rows and prompts.
    """
    before = asked_before(first, again)
    changed = changed_answers(before, again)
    moved = {m.name: _score_moved(before, again, m.columns) for m in again.metrics}
    rows = []
    for place in sorted(changed.nonzero()[0], key=lambda place: str(again.frame["id"][place])):
        texts = [e.frame["raw_output"][place] for e in (before, again)] if show_text else [None] * 2
        rows.append(
            ChangedRow(
                id=str(again.frame["id"][place]),
                cluster=str(again.frame["cluster"][place]),
                metrics=tuple(name for name, moves in moved.items() if moves[place]),
                first=texts[0],
                again=texts[1],
            )
        )
    low, high = share_bounds(len(rows), again.rows, TAIL)
    return Stability(
        system=first.system,
        task=first.task,
        rows=again.rows,
        clusters=again.clusters,
        of_rows=first.rows,
        batch_sizes=batch_sizes,
        seconds=seconds,
        low=low,
        high=high,
        changed=tuple(rows),
        moved=tuple(_moved_metric(before, again, metric.name) for metric in again.metrics),
    )


def ask_and_compare(
    engine: Engine,
    task: TaskConfig,
    rows: Sequence[Mapping[str, Any]],
    first: Evaluation,
    *,
    sample: int,
    seed: int,
    batch_sizes: tuple[int, int] | None = None,
    on_progress: Progress | None = None,
) -> tuple[Evaluation, Stability]:
    """`ask_again` and `compare` in one; arguments and errors as of these two."""
    started = time.monotonic()
    again = ask_again(
        engine, task, rows, first, sample=sample, seed=seed, on_progress=on_progress
    )  # fmt: skip
    seconds = time.monotonic() - started
    return again, compare(
        first, again, seconds=seconds, batch_sizes=batch_sizes, show_text=task.show_text
    )


def _score_moved(first: Evaluation, again: Evaluation, columns: Sequence[str]) -> np.ndarray:
    import numpy as np

    pairs = [(first.frame[c].to_numpy(float), again.frame[c].to_numpy(float)) for c in columns]
    return np.asarray(np.any([before != after for before, after in pairs], axis=0), dtype=bool)


def _moved_metric(first: Evaluation, again: Evaluation, metric: str) -> MovedMetric:
    from evals.stats.totals import metric_value

    found = paired_difference(again, first, metric, alpha=TAIL)
    measured = again.metric(metric)
    return MovedMetric(
        metric=metric,
        first=metric_value(first.frame, measured),
        again=metric_value(again.frame, measured),
        moved=found.value,
        low=found.low,
        high=found.high,
    )
