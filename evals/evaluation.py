"""Per-example results of one system on one task, and how they are kept.

Does: hold, write and read the frame. Does not: compute scores.
"""

from __future__ import annotations

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from configs.durable_files import write_durably
from configs.errors import EvidenceError
from evals.metric import Metric

if TYPE_CHECKING:
    import pandas as pd

SLICE_PREFIX = "slice."
COLUMNS = ("id", "cluster", "prompt_digest", "raw_output", "finish_reason", "input_tokens",
           "output_tokens", "latency_s")  # fmt: skip
READABLE = "readable"
"""Column that says of every answer whether it has the form that the task asks for
(evals/scorers/answer_text.py); evaluations made before it was kept lack it."""
INPUT_DIGEST = "input_digest"
"""Column of the document that a row is about (`configs.document_set.input_digest`), by which the test
set is known again; evaluations of earlier versions lack it."""


@dataclass(frozen=True)
class Evaluation:
    """Every answer of one system to the rows of one task.

    `frame` has one line per row: `COLUMNS`, `READABLE`, the columns that `metrics` name, `slice.S`
    per slice S of the task, and `INPUT_DIGEST`.
    """

    system: str
    engine: str
    task: str
    data_digest: str
    metrics: tuple[Metric, ...]
    """What is measured, the task's primary metric first."""
    frame: pd.DataFrame
    max_output_tokens: int | None = None
    """The most tokens that one answer was allowed to have; None where no limit is known."""
    reading: str = ""
    """How answers were read, in words; empty where that was not noted."""

    def metric(self, name: str) -> Metric:
        """The metric of that name.

        Raises:
            EvidenceError: when the task does not measure it.
        """
        for metric in self.metrics:
            if metric.name == name:
                return metric
        measured = ", ".join(metric.name for metric in self.metrics)
        raise EvidenceError(
            f"{self.system} on {self.task}",
            f"expected one of the metrics {measured}, got {name!r}",
            "Correct the gate's policy.",
        )

    @property
    def rows(self) -> int:
        """Number of rows answered."""
        return len(self.frame)

    @property
    def clusters(self) -> int:
        """Number of independent documents."""
        return int(self.frame["cluster"].nunique())


def write_evaluation(evaluation: Evaluation, directory: Path) -> None:
    """Write `examples.parquet` and `evaluation.json`."""
    buffer = io.BytesIO()
    evaluation.frame.to_parquet(buffer, index=False)
    facts = {
        "engine": evaluation.engine,
        "task": evaluation.task,
        "data_digest": evaluation.data_digest,
        "metrics": [metric.model_dump(mode="json") for metric in evaluation.metrics],
        "max_output_tokens": evaluation.max_output_tokens,
        "reading": evaluation.reading,
    }
    write_durably(directory / "examples.parquet", buffer.getvalue())
    write_durably(directory / "evaluation.json", json.dumps(facts, indent=2))


def read_evaluation(directory: Path, system: str) -> Evaluation:
    """Read what `write_evaluation` wrote.

    Args:
        system: what to call it here; the same answers may stand as `awq` and as `champion`.

    Raises:
        EvidenceError: when either file is missing, unreadable or incomplete, or rows are unsound.
    """
    import pandas as pd

    try:
        facts = json.loads((directory / "evaluation.json").read_text())
        frame = pd.read_parquet(directory / "examples.parquet")
        metrics = tuple(Metric.model_validate(metric) for metric in facts["metrics"])
        needed = (*COLUMNS, *(column for metric in metrics for column in metric.columns))
        missing = [column for column in needed if column not in frame.columns]
        if missing:
            raise ValueError(f"examples.parquet lacks the columns {missing}")
        evaluation = Evaluation(
            engine=facts["engine"],
            task=facts["task"],
            data_digest=facts["data_digest"],
            metrics=metrics,
            system=system,
            frame=frame,
            max_output_tokens=facts.get("max_output_tokens"),
            reading=str(facts.get("reading", "")),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EvidenceError(
            str(directory),
            f"expected a stored evaluation, got: {error!r}",
            "Run `pawl evaluate` again.",
        ) from error
    from evals.evaluation_problems import refuse_problems

    refuse_problems([evaluation])
    return evaluation
