"""What a judge answered, kept so that the same question is never paid for twice.

Does: one directory per judge and rubric, one file per batch of answers, read back by prompt digest.
Does not: expire answers; delete the directory to ask again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from configs.durable_files import write_durably
from configs.errors import EvidenceError
from configs.strict_model import StrictModel
from evals.engines.completion import Completion


class StoredAnswer(StrictModel):
    """One answer of a judge."""

    prompt_digest: str
    """`sha256:...` of the chat and the decoding."""
    text: str
    finish_reason: Literal["stop", "length"]
    input_tokens: int
    output_tokens: int
    latency_s: float

    @property
    def completion(self) -> Completion:
        """The answer as an engine returns it."""
        return Completion(
            text=self.text,
            finish_reason=self.finish_reason,
            output_tokens=self.output_tokens,
            input_tokens=self.input_tokens,
            latency_s=self.latency_s,
        )


class AnswerStore:
    """Answers of one judge under one rubric.

    Files are written whole and never changed, so several processes may use one directory; at worst
    they pay for the same answer at the same time.
    """

    def __init__(self, directory: Path, judge_digest: str) -> None:
        """Args:
        directory: of all judges; this one's answers lie below it.
        judge_digest: `sha256:...` of who judges by what (`evals.judge.judge.judge_digest`).
        """
        self.directory = directory / judge_digest.removeprefix("sha256:")

    def read(self) -> dict[str, Completion]:
        """Every stored answer by prompt digest.

        Raises:
            EvidenceError: when a file cannot be read or holds something else.
        """
        found: dict[str, Completion] = {}
        for path in sorted(self.directory.glob("*.jsonl")):
            try:
                lines = path.read_text(encoding="utf-8").split("\n")
                answers = [StoredAnswer.model_validate_json(line) for line in lines if line]
            except (OSError, ValueError) as error:
                raise EvidenceError(
                    str(path), f"expected stored answers of a judge, got: {error}",
                    "Delete this file; its answers are asked for again.",
                ) from error  # fmt: skip
            found |= {answer.prompt_digest: answer.completion for answer in answers}
        return found

    def add(self, answers: Mapping[str, Completion]) -> None:
        """Keep a batch of answers by prompt digest; on the disk when this returns.

        Raises:
            EvidenceError: when they cannot be written.
        """
        lines = [
            StoredAnswer(
                prompt_digest=digest,
                # An endpoint may send half of a surrogate pair, which no file can hold.
                text=completion.text.encode("utf-8", "replace").decode(),
                finish_reason=completion.finish_reason,
                input_tokens=completion.input_tokens,
                output_tokens=completion.output_tokens,
                latency_s=completion.latency_s,
            ).model_dump_json()
            for digest, completion in sorted(answers.items())
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        path = self.directory / f"{hashlib.sha256(content).hexdigest()}.jsonl"
        try:
            write_durably(path, content)
        except OSError as error:
            raise EvidenceError(
                str(path), f"expected room for a judge's answers, got: {error}",
                "Free disk space or name another directory; what was stored before is kept.",
            ) from error  # fmt: skip
