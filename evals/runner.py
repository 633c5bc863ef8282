"""Ask an engine every row of a task and score what it answers.

Does: render the questions, insist on complete rows, put answers and scores into one frame.
Does not: know any metric (evals/scorers/).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configs.errors import EvidenceError
from configs.task import TaskConfig
from evals.documents import row_digest
from evals.engines.completion import (
    Completion,
    Decoding,
    Engine,
    Progress,
    Request,
    prompt_digest,
)
from evals.evaluation import INPUT_DIGEST, READABLE, SLICE_PREFIX, Evaluation
from evals.scorers.answer_text import can_be_read
from evals.scorers.registry import metrics_of, row_fields_of, score_answers

SHOWN_ROWS = 5


def evaluate(
    engine: Engine,
    task: TaskConfig,
    rows: Sequence[Mapping[str, Any]],
    *,
    system: str,
    data_digest: str,
    on_progress: Progress | None = None,
) -> Evaluation:
    """Evaluate one system.

    Args:
        rows: `{"id", "target", <fields of the prompt>, <task.cluster_key>, <task.slices>...}`.
        system: what the system is called in reports: `base`, `awq`, `baseline`.
        data_digest: digest of the rows; only evaluations of the same data are compared.
    Raises:
        EvidenceError: when there are no rows, ids repeat, or a row lacks a field that is needed.
        EngineError: when the engine leaves any row unanswered.
        ConfigError: when the task names a scorer or a primary metric that does not exist.
    """
    require_complete_rows(task, rows)
    metrics_of(task)
    completions = engine.answer(requests_of(task, rows), decoding_of(task), on_progress)
    return score_completions(
        task, rows, completions, system=system, engine=engine.name, data_digest=data_digest
    )


def decoding_of(task: TaskConfig) -> Decoding:
    """How answers to the task are decoded."""
    return Decoding(
        max_new_tokens=task.max_new_tokens,
        json_schema=task.output_schema if task.constrained else None,
        stop=task.stop,
    )


def requests_of(task: TaskConfig, rows: Sequence[Mapping[str, Any]]) -> list[Request]:
    """The question of every row, bound to its prompt and decoding by digest."""
    decoding = decoding_of(task)
    requests = []
    for row in rows:
        messages = task.messages(row)
        requests.append(Request(row["id"], messages, prompt_digest(messages, decoding)))
    return requests


def score_completions(
    task: TaskConfig,
    rows: Sequence[Mapping[str, Any]],
    completions: Sequence[Completion],
    *,
    system: str,
    engine: str,
    data_digest: str,
) -> Evaluation:
    """Score answers that were given, now or earlier.

    Args:
        completions: one per row, in the order of the rows.
        engine: what answered, as `Engine.name` has it.
    Raises:
        EvidenceError: when there are no rows, ids repeat, a row lacks a field that is needed, or
            the numbers of rows and answers differ.
        ConfigError: when the task names a scorer or a primary metric that does not exist.
    """
    import pandas as pd

    require_complete_rows(task, rows)
    if len(rows) != len(completions):
        raise EvidenceError(
            f"{system} on {task.name}",
            f"expected an answer for each of {len(rows)} rows, got {len(completions)}",
            "Ask the missing rows.",
        )
    # An endpoint may send half of a surrogate pair, which no file can hold.
    texts = [completion.text.encode("utf-8", "replace").decode() for completion in completions]
    scores = score_answers(task, texts, rows)
    lines = [
        {
            "id": request.id,
            "cluster": str(row[task.cluster_key]),
            "prompt_digest": request.prompt_digest,
            INPUT_DIGEST: row_digest(task, row),
            "raw_output": text,
            "finish_reason": completion.finish_reason,
            "input_tokens": completion.input_tokens,
            "output_tokens": completion.output_tokens,
            "latency_s": completion.latency_s,
            READABLE: can_be_read(text, completion.finish_reason, task),
            **columns,
            **{f"{SLICE_PREFIX}{name}": str(row[name]) for name in task.slices},
        }
        for row, request, completion, text, columns in zip(
            rows, requests_of(task, rows), completions, texts, scores, strict=True
        )
    ]
    return Evaluation(
        system=system,
        engine=engine,
        task=task.name,
        data_digest=data_digest,
        metrics=metrics_of(task),
        frame=pd.DataFrame(lines),
        max_output_tokens=task.max_new_tokens,
        reading=task.reading,
    )


def require_complete_rows(task: TaskConfig, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insist that every row can be asked, scored, grouped and sliced.

    Raises:
        EvidenceError: when there are no rows, ids repeat, or rows lack a field; they are named.
    """
    if not rows:
        raise EvidenceError(task.name, "expected rows to evaluate on, got none", "Check the data.")
    for key in row_fields_of(task):
        # None stands for an absent field in formats with fixed columns, such as Parquet.
        lacking = [str(row.get("id", n)) for n, row in enumerate(rows) if row.get(key) is None]
        if lacking:
            shown = ", ".join(lacking[:SHOWN_ROWS])
            more = f" and {len(lacking) - SHOWN_ROWS} more" if len(lacking) > SHOWN_ROWS else ""
            raise EvidenceError(
                f"{task.name}: row {shown}{more}",
                f"expected field {key!r}, got none",
                "Add it to the rows, or correct cluster_key, slices or scorers of the task.",
            )
    seen = set()
    for row in rows:
        if row["id"] in seen:
            raise EvidenceError(
                f"{task.name}: row {row['id']}",
                "expected a unique id, got it twice",
                "Give every row its own id.",
            )
        seen.add(row["id"])
