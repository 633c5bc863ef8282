"""Answers that a model gave earlier, read from a file.

Does: insist that each answer was given to the very prompt that is asked now. Does not: fill gaps.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field

from configs.durable_files import write_durably
from configs.errors import EngineError
from configs.strict_model import StrictModel
from evals.engines.completion import Completion, Decoding, Progress, Request
from evals.engines.identity import EngineIdentity, recorded_identity
from evals.evaluation import Evaluation


class _RecordedAnswer(StrictModel):
    id: str
    prompt_digest: str
    output: str
    finish_reason: Literal["stop", "length"] = "stop"
    output_tokens: int = Field(default=0, ge=0)
    input_tokens: int = Field(default=0, ge=0)
    latency_s: float = Field(default=0.0, ge=0, allow_inf_nan=False)


class RecordedEngine:
    """A JSONL file of `{"id", "prompt_digest", "output"}`, one answer per line.

    `finish_reason` (default `stop`), `input_tokens`, `output_tokens` and `latency_s` (default 0: not
    known) may be given too.
    """

    def __init__(self, path: Path, model: str) -> None:
        self.path, self.name = path, model

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; also refuses an answer recorded for another prompt."""
        recorded = self._read()
        missing = [request.id for request in requests if request.id not in recorded]
        if missing:
            raise EngineError(
                str(self.path),
                f"expected an answer for every row, got none for {len(missing)} of "
                f"{len(requests)}, first {missing[0]!r}",
                "Record the baseline on this data again.",
            )
        for request in requests:
            if recorded[request.id].prompt_digest != request.prompt_digest:
                raise EngineError(
                    f"{self.path}: row {request.id}",
                    "expected an answer to this prompt, got one "
                    "to another prompt (data, prompt or token limit changed)",
                    "Record the baseline on this data again.",
                )
        if on_progress is not None:
            on_progress(len(requests), len(requests))
        return [
            Completion(
                answer.output, answer.finish_reason, answer.output_tokens, answer.input_tokens,
                answer.latency_s,
            )
            for answer in (recorded[request.id] for request in requests)
        ]  # fmt: skip

    def identity(self, decoding: Decoding) -> EngineIdentity:
        """See `Engine.identity`; the recording itself is what answers.

        Raises:
            EngineError: when it cannot be read.
        """
        return recorded_identity(self.path, self.name, decoding)

    def _read(self) -> dict[str, _RecordedAnswer]:
        try:
            lines = self.path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise EngineError(
                str(self.path), f"expected a readable recording, got: {error}",
                "Check baseline.path.",
            ) from error  # fmt: skip
        recorded: dict[str, _RecordedAnswer] = {}
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                answer = _RecordedAnswer.model_validate_json(line)
            except ValueError as error:
                raise EngineError(
                    f"{self.path} line {number}", f"expected a recorded answer, got: {error}",
                    "Record the baseline again.",
                ) from error  # fmt: skip
            if answer.id in recorded:
                raise EngineError(
                    f"{self.path} line {number}", f"expected one answer per row, got row "
                    f"{answer.id!r} again", "Record the baseline again.",
                )  # fmt: skip
            recorded[answer.id] = answer
        return recorded


def write_recording(path: Path, evaluation: Evaluation) -> None:
    """Write the raw answers of an evaluation in the form `RecordedEngine` reads."""
    columns = ["id", "prompt_digest", "output", "finish_reason", "input_tokens", "output_tokens",
               "latency_s"]  # fmt: skip
    frame = evaluation.frame.rename(columns={"raw_output": "output"})[columns]
    lines = (json.dumps(row, ensure_ascii=False) for row in frame.to_dict(orient="records"))
    write_durably(path, "".join(f"{line}\n" for line in lines))
