"""Answers that people scored by the judge's rubric.

Does: read the file, refuse scores off the scale, find the labels of an evaluation's answers.
Does not: settle differences between people; adjudicate before labelling a line.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from configs.errors import DataError
from configs.rubric import RubricConfig
from configs.strict_model import StrictModel
from evals.judge.columns import OVERALL, criterion_column, people_column
from evals.judge.prompts import Item, Pair

if TYPE_CHECKING:
    import numpy as np


class HumanLabel(StrictModel):
    """One answer with the scores that people gave it."""

    id: str = Field(min_length=1)
    """Row that was answered; several answers to one row are several lines."""
    input: str = Field(min_length=1)
    """What was answered, as the judge is shown it."""
    reference: str = ""
    """A right answer; empty where there is none."""
    answer: str
    """What was scored, to the letter as the system wrote it."""
    scores: dict[str, int]
    """Criterion of the rubric -> score."""
    cluster: str = ""
    """Document that the row belongs to; empty if the row is a document of its own."""

    @property
    def document(self) -> str:
        """The cluster, or the row's id."""
        return self.cluster or self.id


def read_human_labels(path: Path, rubric: RubricConfig) -> tuple[HumanLabel, ...]:
    """Read a JSONL file of labels.

    Raises:
        DataError: when the file cannot be read or is empty, a line is no label, scores other
            criteria than the rubric's or off their scales, labels one answer again, or gives a row
            another input, reference or cluster than an earlier line.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            str(path), f"expected readable human labels, got: {error}", "Check human_labels."
        ) from error
    labels: dict[tuple[str, str], HumanLabel] = {}
    rows: dict[str, tuple[str, str, str]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            label = HumanLabel.model_validate_json(line)
        except ValueError as error:
            raise DataError(where, f"expected a label, got: {error}", "Correct it.") from error
        shown = rows.setdefault(label.id, (label.input, label.reference, label.cluster))
        problem = _problem(label, rubric)
        if not problem and (label.id, label.answer) in labels:
            problem = f"expected each answer once, got one to {label.id!r} again"
        if not problem and shown != (label.input, label.reference, label.cluster):
            problem = f"expected input, reference and cluster of {label.id!r} as before, got others"
        if problem:
            raise DataError(where, problem, f"Label by the rubric {rubric.name}, each answer once.")
        labels[label.id, label.answer] = label
    if not labels:
        raise DataError(str(path), "expected human labels, got none", "Have answers labelled.")
    return tuple(labels.values())


def _problem(label: HumanLabel, rubric: RubricConfig) -> str:
    names = {criterion.name for criterion in rubric.criteria}
    if set(label.scores) != names:
        wanted, got = ", ".join(sorted(names)), ", ".join(sorted(label.scores)) or "none"
        return f"expected scores of {wanted}, got {got}"
    for criterion in rubric.criteria:
        score = label.scores[criterion.name]
        if score not in criterion.levels:
            levels = ", ".join(str(level) for level in criterion.levels)
            return f"expected one of {levels} for {criterion.name}, got {score}"
    return ""


def labelled_items(labels: Sequence[HumanLabel]) -> list[Item]:
    """Every labelled answer as the judge is asked about it."""
    return [
        Item(f"{label.id}, labelled answer {number}", label.input, label.reference, label.answer)
        for number, label in enumerate(labels, start=1)
    ]


def labelled_pairs(labels: Sequence[HumanLabel]) -> list[Pair]:
    """Each two labelled answers to one row that follow each other in the file."""
    by_row: dict[str, list[HumanLabel]] = {}
    for label in labels:
        by_row.setdefault(label.id, []).append(label)
    return [
        Pair(
            f"{row}, labelled answers {number} and {number + 1}",
            one.document,
            one.input,
            one.reference,
            (one.answer, other.answer),
        )
        for row, answers in by_row.items()
        for number, (one, other) in enumerate(pairwise(answers), start=1)
    ]


def human_fractions(
    labels: Sequence[HumanLabel],
    rubric: RubricConfig,
    criterion_name: str,
    ids: Sequence[str],
    answers: Sequence[str],
) -> np.ndarray:
    """Human scores of these answers on the scale [0, 1], shape (answers,); NaN where there is none.

    Args:
        ids: row of every answer.
        answers: a label belongs to an answer only if it labels this very text.
    """
    import numpy as np

    criterion = next(c for c in rubric.criteria if c.name == criterion_name)
    known = {
        (label.id, label.answer): criterion.fraction(label.scores[criterion.name])
        for label in labels
    }
    return np.array([known.get(key, np.nan) for key in zip(ids, answers, strict=True)], dtype=float)


def people_scores(
    labels: Sequence[HumanLabel], rubric: RubricConfig, ids: Sequence[str], answers: Sequence[str]
) -> dict[str, np.ndarray]:
    """Column -> human scores of these answers on the scale [0, 1], NaN where there are none.

    Columns are those of the judge with `people` for `judge`: one per criterion, and their mean.
    """
    import numpy as np

    by_metric = {
        criterion_column(c.name): human_fractions(labels, rubric, c.name, ids, answers)
        for c in rubric.criteria
    }
    by_metric[OVERALL] = np.mean(list(by_metric.values()), axis=0)
    return {str(people_column(metric)): scores for metric, scores in by_metric.items()}
