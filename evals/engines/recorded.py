"""Answers that a model gave earlier, read from a file.

Does: insist that each answer was given to the very prompt that is asked now. Does not: fill gaps.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from configs.durable_files import write_durably
from configs.errors import EngineError
from evals.engines.completion import Completion, Progress, Request
from evals.evaluation import Evaluation


class RecordedEngine:
    """A JSONL file of `{"id", "prompt_digest", "output", "finish_reason", "output_tokens"}`."""

    def __init__(self, path: Path, model: str) -> None:
        self.path, self.name = path, model

    def answer(
        self,
        requests: Sequence[Request],
        max_new_tokens: int,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; also refuses an answer recorded for another prompt."""
        recorded = self._read()
        missing = [request.id for request in requests if request.id not in recorded]
        if missing:
            raise EngineError(
                str(self.path), f"expected an answer for every row, got none for {len(missing)} of "
                f"{len(requests)}, first {missing[0]!r}", "Record the baseline on this data again.",
            )  # fmt: skip
        for request in requests:
            if recorded[request.id]["prompt_digest"] != request.prompt_digest:
                raise EngineError(
                    f"{self.path}: row {request.id}", "expected an answer to this prompt, got one "
                    "to another prompt (data, prompt or token limit changed)",
                    "Record the baseline on this data again.",
                )  # fmt: skip
        if on_progress is not None:
            on_progress(len(requests), len(requests))
        return [
            Completion(r["output"], r["finish_reason"], r["output_tokens"])
            for r in (recorded[request.id] for request in requests)
        ]

    def _read(self) -> dict[str, dict]:  # type: ignore[type-arg]
        try:
            lines = self.path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise EngineError(str(self.path), f"expected a readable recording, got: {error}",
                              "Check baseline.path.") from error  # fmt: skip
        recorded = {}
        for number, line in enumerate(lines, start=1):
            try:
                row = json.loads(line)
                keys = ("id", "prompt_digest", "output", "finish_reason", "output_tokens")
                recorded[row["id"]] = {key: row[key] for key in keys}
            except (ValueError, KeyError, TypeError) as error:
                raise EngineError(
                    f"{self.path} line {number}", f"expected a recorded answer, got: {error!r}",
                    "Record the baseline again.",
                ) from error  # fmt: skip
        return recorded


def write_recording(path: Path, evaluation: Evaluation) -> None:
    """Write the raw answers of an evaluation in the form `RecordedEngine` reads."""
    columns = ["id", "prompt_digest", "output", "finish_reason", "output_tokens"]
    frame = evaluation.frame.rename(columns={"raw_output": "output"})[columns]
    lines = (json.dumps(row, ensure_ascii=False) for row in frame.to_dict(orient="records"))
    write_durably(path, "".join(f"{line}\n" for line in lines))
