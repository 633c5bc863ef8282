"""The scorers by name, and what those of one task measure together.

Does: find scorers, order their metrics, join their columns. Does not: score (the scorers do).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from configs.errors import ConfigError
from configs.task import TaskConfig
from evals.metric import Metric
from evals.scorers.answer_text import answer_text
from evals.scorers.answers import AnswerScorer, GroundingScorer
from evals.scorers.classification import ClassificationScorer
from evals.scorers.extraction import ExtractionScorer
from evals.scorers.phee_arguments import PheeArgumentsScorer
from evals.scorers.scorer import Columns, Scorer
from evals.scorers.summaries import KeyFactsScorer, LengthScorer, RougeScorer

SCORERS: dict[str, Scorer] = {
    "extraction": ExtractionScorer(),
    "phee-arguments": PheeArgumentsScorer(),
    "classification": ClassificationScorer(),
    "rouge": RougeScorer(),
    "key-facts": KeyFactsScorer(),
    "length": LengthScorer(),
    "answer": AnswerScorer(),
    "grounding": GroundingScorer(),
}


def scorers_of(task: TaskConfig) -> dict[str, Scorer]:
    """The task's scorers by name, in the order declared.

    Raises:
        ConfigError: when there is no scorer of a name.
    """
    for name in task.scorer_names:
        if name not in SCORERS:
            raise ConfigError(
                f"scorers of task {task.name}",
                f"expected some of {', '.join(SCORERS)}, got {name!r}",
                "Correct the task.",
            )
    return {name: SCORERS[name] for name in task.scorer_names}


def metrics_of(task: TaskConfig) -> tuple[Metric, ...]:
    """Everything that is measured, the primary metric first.

    Raises:
        ConfigError: for an unknown scorer, two metrics of one name, or a primary metric that none
            of the scorers measures.
    """
    measured = [m for scorer in scorers_of(task).values() for m in scorer.metrics(task)]
    names = [metric.name for metric in measured]
    columns = Counter(
        column
        for scorer in scorers_of(task).values()
        for column in {column for m in scorer.metrics(task) for column in m.columns}
    )
    twice = [n for n, count in (Counter(names) | columns).items() if count > 1]
    if twice:
        raise ConfigError(
            f"scorers of task {task.name}",
            f"expected every metric from one scorer, got {', '.join(sorted(twice))} from several",
            "Leave one of the scorers out.",
        )
    primary = task.primary_metric or names[0]
    if primary not in names:
        raise ConfigError(
            f"primary_metric of task {task.name}",
            f"expected one of {', '.join(names)}, got {primary!r}",
            "Correct the task.",
        )
    return tuple(sorted(measured, key=lambda metric: metric.name != primary))


def row_fields_of(task: TaskConfig) -> tuple[str, ...]:
    """Fields that rows must have so that they can be asked, scored, grouped and sliced."""
    needed = (f for scorer in scorers_of(task).values() for f in scorer.row_fields(task))
    return tuple(
        dict.fromkeys(
            ("id", "target", *task.prompt_fields, task.cluster_key, *task.slices, *needed)
        )
    )


def score_answers(
    task: TaskConfig, texts: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[Columns]:
    """Columns of every scorer, joined per row; all of them read answers as the task declares.

    Args:
        texts: raw answers, one per row.
    """
    read = [answer_text(text, task) for text in texts]
    parts = [scorer.score_all(read, rows, task) for scorer in scorers_of(task).values()]
    joined: list[Columns] = []
    for of_row in zip(*parts, strict=True):
        columns: Columns = {}
        for part in of_row:
            columns |= part
        joined.append(columns)
    return joined
