"""An evaluation matrix: which weights answer which tasks.

Does: hold the candidates, the tasks and how they are evaluated; read the YAML of one.
Does not: evaluate (flows/evaluation_matrix.py).
"""

from __future__ import annotations

from typing import Any

from pydantic import Field, field_validator

from configs.data import Data
from configs.lifecycle import EvaluationConfig, Slug
from configs.named_files import load_named
from configs.strict_model import StrictModel
from configs.weights_source import WeightsSource


class MatrixCandidate(StrictModel):
    """One row of the matrix."""

    name: Slug
    """What to call it: lower-case letters, digits and hyphens."""

    source: WeightsSource
    """Where its weights are: hf://org/name@commit, file://directory, models:/name/version,
    pawl://name."""


class MatrixTask(StrictModel):
    """One column of the matrix."""

    task: str
    """The name of a file in configs/tasks, or a path."""

    data: Data | None = None
    """Rows to answer: those of its test split. Empty: those that the task names."""


class MatrixConfig(StrictModel):
    """Candidates x tasks; every cell is kept by the digests of what it depends on."""

    name: Slug
    """Short name; it names runs and tables."""

    candidates: tuple[MatrixCandidate, ...] = Field(min_length=1)
    """Weights that answer."""

    tasks: tuple[MatrixTask, ...] = Field(min_length=1)
    """Tasks that they answer. In YAML also just the name of one."""

    evaluation: EvaluationConfig = EvaluationConfig()
    """How candidates answer."""

    seed: int = Field(default=17, ge=0)
    """Seed of the division of rows into splits, where data has to be divided."""

    skip_bad_rows: bool = False
    """Leave rows that break a task's schema out, counted and listed, instead of refusing."""

    parallel: int = Field(default=2, ge=1, le=64)
    """Cells that are worked on at once; where there is a limit on GPUs, each waits for its slot too."""

    @field_validator("tasks", mode="before")
    @classmethod
    def _named_tasks(cls, value: Any) -> Any:
        if not isinstance(value, list | tuple):
            return value
        return [{"task": task} if isinstance(task, str) else task for task in value]

    @field_validator("candidates")
    @classmethod
    def _named_once(cls, value: tuple[MatrixCandidate, ...]) -> tuple[MatrixCandidate, ...]:
        names = [candidate.name for candidate in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected each name once, got {twice} more often; rename them")
        return value

    @field_validator("tasks")
    @classmethod
    def _asked_once(cls, value: tuple[MatrixTask, ...]) -> tuple[MatrixTask, ...]:
        names = [task.task for task in value]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"expected each task once, got {twice} more often; leave them out")
        return value


def load_matrix(reference: str) -> MatrixConfig:
    """Load a matrix by path, or by the name of a file in `matrices`.

    Raises:
        ConfigError: when there is no such file or it breaks the schema.
    """
    return load_named(MatrixConfig, reference, "matrices")
