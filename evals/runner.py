"""Ask an engine every row of a task and score what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator

from configs.errors import EvidenceError
from configs.task import TaskConfig
from evals.engines.completion import Completion, Engine, Progress, Request, prompt_digest
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.scorers import score_answer


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
        rows: `{"id", "text", "target", <task.cluster_key>, <task.slices>...}`.
        system: what the system is called in reports: `base`, `awq`, `baseline`.
        data_digest: digest of the rows; only evaluations of the same data are compared.
    Raises:
        EvidenceError: when there are no rows, ids repeat, or a row lacks a field that is needed.
        EngineError: when the engine leaves any row unanswered.
    """
    import pandas as pd

    if not rows:
        raise EvidenceError(task.name, "expected rows to evaluate on, got none", "Check the data.")
    _require_fields(rows, task)
    requests = []
    for row in rows:
        messages = task.messages(row["text"])
        digest = prompt_digest(messages, task.max_new_tokens)
        requests.append(Request(row["id"], messages, digest))
    completions = engine.answer(requests, task.max_new_tokens, on_progress)
    validator = Draft202012Validator(task.output_schema)
    lines = [
        _line(task, row, request, completion, validator)
        for row, request, completion in zip(rows, requests, completions, strict=True)
    ]
    return Evaluation(
        system=system,
        engine=engine.name,
        task=task.name,
        data_digest=data_digest,
        fields=task.fields,
        frame=pd.DataFrame(lines),
    )


def _require_fields(rows: Sequence[Mapping[str, Any]], task: TaskConfig) -> None:
    seen = set()
    for number, row in enumerate(rows):
        for key in ("id", "text", "target", task.cluster_key, *task.slices):
            if key not in row:
                raise EvidenceError(
                    f"{task.name}: row {row.get('id', number)}",
                    f"expected field {key!r}, got none",
                    "Add it to the rows, or correct cluster_key or slices of the task.",
                )
        if row["id"] in seen:
            raise EvidenceError(
                f"{task.name}: row {row['id']}",
                "expected a unique id, got it twice",
                "Give every row its own id.",
            )
        seen.add(row["id"])


def _line(
    task: TaskConfig,
    row: Mapping[str, Any],
    request: Request,
    completion: Completion,
    validator: Draft202012Validator,
) -> dict[str, Any]:
    # An endpoint may send half of a surrogate pair, which no file can hold.
    text = completion.text.encode("utf-8", "replace").decode()
    score = score_answer(text, row["target"], task, validator)
    counts = score.fields
    line: dict[str, Any] = {
        "id": request.id,
        "cluster": str(row[task.cluster_key]),
        "prompt_digest": request.prompt_digest,
        "raw_output": text,
        "finish_reason": completion.finish_reason,
        "output_tokens": completion.output_tokens,
        "valid_json": score.valid_json,
        "schema_conformance": score.schema_conformance,
        "exact_match": score.exact_match,
        "tp": sum(c.tp for c in counts.values()),
        "fp": sum(c.fp for c in counts.values()),
        "fn": sum(c.fn for c in counts.values()),
    }
    for field, count in counts.items():
        line |= {f"tp.{field}": count.tp, f"fp.{field}": count.fp, f"fn.{field}": count.fn}
    return line | {f"{SLICE_PREFIX}{name}": str(row[name]) for name in task.slices}
