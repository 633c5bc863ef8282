"""Evaluate a candidate in random batches of documents, and stop as soon as its rules are settled.

Does: order documents by seed, ask batch after batch, tell a gate what came back. Does not: decide
when to stop (evals/sequential_checks.py).
"""

from __future__ import annotations

import dataclasses
import random
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from configs.task import TaskConfig
from evals.engines.completion import Engine, Progress
from evals.evaluation import Evaluation
from evals.runner import evaluate


class StoppingRule(Protocol):
    """What is told every batch and says when there is nothing left to learn."""

    @property
    def settled(self) -> bool:
        """Whether the outcome is certain."""
        ...

    def update(self, batch: Evaluation) -> None:
        """Take in the scores of one more batch of documents."""
        ...


@dataclass(frozen=True)
class Savings:
    """What stopping early was worth."""

    rows_asked: int
    rows_total: int
    documents_asked: int
    documents_total: int
    seconds: float
    """Spent on the rows that were asked."""

    @property
    def seconds_saved(self) -> float:
        """At the average time per row so far."""
        return self.seconds / self.rows_asked * (self.rows_total - self.rows_asked)


def document_order(documents: Iterable[str], seed: int) -> list[str]:
    """Every document once, in an order that depends on the seed and on nothing else."""
    ordered = sorted(set(documents))
    random.Random(f"sequential/{seed}").shuffle(ordered)
    return ordered


def batches_of(documents: Iterable[str], batch_documents: int, seed: int) -> list[list[str]]:
    """The order cut into batches; the last may be smaller."""
    ordered = document_order(documents, seed)
    return [ordered[i : i + batch_documents] for i in range(0, len(ordered), batch_documents)]


def evaluate_in_batches(
    engine: Engine,
    task: TaskConfig,
    rows: Sequence[Mapping[str, Any]],
    rule: StoppingRule,
    *,
    batch_documents: int,
    seed: int,
    system: str,
    data_digest: str,
    on_progress: Progress | None = None,
    on_batch: Callable[[], None] | None = None,
) -> tuple[Evaluation, Savings]:
    """Evaluate one system until the rule is settled or every row is asked.

    Args:
        rows: all rows of the test set; those of one document are asked together.
        on_progress: called with rows answered and rows in all.
        on_batch: called after the rule took in a batch.
    Returns:
        The evaluation of the rows asked, batch after batch, and what was saved.
    Raises:
        EvidenceError, EngineError: as `evals.runner.evaluate`.
    """
    import pandas as pd

    by_document: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        by_document.setdefault(str(row[task.cluster_key]), []).append(row)
    batches = batches_of(by_document, batch_documents, seed)
    parts: list[Evaluation] = []
    asked = documents = 0
    started = time.monotonic()
    for batch in batches:
        batch_rows = [row for document in batch for row in by_document[document]]

        def report(done: int, total: int, before: int = asked) -> None:
            if on_progress is not None:
                on_progress(before + done, len(rows))

        part = evaluate(
            engine, task, batch_rows, system=system, data_digest=data_digest, on_progress=report
        )
        parts.append(part)
        asked += len(batch_rows)
        documents += len(batch)
        rule.update(part)
        if on_batch is not None:
            on_batch()
        if rule.settled:
            break
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    seconds = time.monotonic() - started
    savings = Savings(asked, len(rows), documents, len(by_document), seconds)
    return dataclasses.replace(parts[0], frame=frame), savings
