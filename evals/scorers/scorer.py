"""What every scorer provides: metrics, and the columns of the frame that they are made of.

Does: define the interface. Does not: know the scorers (evals/scorers/registry.py).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from configs.task import TaskConfig
from evals.metric import Metric

Columns = dict[str, float | bool]
FP_LEFT_OUT = "fp_left_out"
"""Column, and beginning of columns such as `fp_left_out.em`: false items of an answer that `fp` does
not count (evals/scorers/false_items.py). A number for the report, not a metric."""


class Scorer(Protocol):
    """Anything that scores answers; one that asks a model may score the whole batch at once."""

    measures: str
    """What the scorer measures, in a few words for the reader of a report."""

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """What can be read from the columns, the most important first; every value in [0, 1]."""
        ...

    def row_fields(self, task: TaskConfig) -> tuple[str, ...]:
        """Fields that rows must have besides `id`, `target` and those of the prompt."""
        ...

    def score_all(
        self, texts: Sequence[str], rows: Sequence[Mapping[str, Any]], task: TaskConfig
    ) -> list[Columns]:
        """One set of columns per answer, with the same names for each, in the order given.

        Args:
            texts: answers, without what the task allows around them (evals/scorers/answer_text.py).
        """
        ...


class RowScorer(ABC):
    """A scorer that needs one answer and its row at a time."""

    measures: str

    @abstractmethod
    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """See `Scorer.metrics`."""

    @abstractmethod
    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """Columns of one answer: counts, shares in [0, 1], or whether something holds."""

    def row_fields(self, task: TaskConfig) -> tuple[str, ...]:
        """See `Scorer.row_fields`; none unless overridden."""
        return ()

    def score_all(
        self, texts: Sequence[str], rows: Sequence[Mapping[str, Any]], task: TaskConfig
    ) -> list[Columns]:
        """See `Scorer.score_all`."""
        return [self.columns(text, row, task) for text, row in zip(texts, rows, strict=True)]
