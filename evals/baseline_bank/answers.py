"""The file of a record's answers: one line per answered row, only ever appended to.

Does: drop a last line that a crash cut short; refuse any other line that is damaged.
Does not: decide who may write (evals/baseline_bank/bank.py holds the lock).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import AwareDatetime, Field

from configs.strict_model import StrictModel
from evals.baseline_bank.errors import BankError
from evals.engines.completion import Completion

SYNC_INTERVAL_S = 1.0
"""Longest time that an answer is safe from a crash of the program, but not yet from a power cut."""


class BankedAnswer(StrictModel):
    """The answer to one row."""

    id: str
    """Id of the row."""
    prompt_digest: str
    """`sha256:...` of the messages and the decoding."""
    output: str
    """What the model wrote."""
    finish_reason: Literal["stop", "length"]
    """`length` when the answer was cut off at the token limit."""
    input_tokens: int = Field(ge=0)
    """Tokens of the prompt; 0 when the source does not say."""
    output_tokens: int = Field(ge=0)
    """Tokens written; 0 when the source does not say."""
    latency_s: float = Field(ge=0, allow_inf_nan=False)
    """Seconds from asking to the whole answer."""
    cost: float | None = Field(ge=0, allow_inf_nan=False)
    """What was paid, in the currency of the record's price; None without a price."""
    answered_at: AwareDatetime
    """When the model gave the answer, UTC."""
    shared_with: str | None = None
    """The row with the same prompt whose answer this is (`KEY/row` if of another record); nothing
    was paid for it here. None: the model was asked."""

    @property
    def completion(self) -> Completion:
        """The answer as an engine returns it."""
        return Completion(
            text=self.output,
            finish_reason=self.finish_reason,
            output_tokens=self.output_tokens,
            input_tokens=self.input_tokens,
            latency_s=self.latency_s,
        )


def read_answers(path: Path) -> tuple[list[BankedAnswer], int]:
    """Every whole line of the file; none when there is no file.

    Returns:
        The answers in the order given, and the number of bytes that they take up. What follows
        those is the beginning of a line whose writer died, or is writing now.
    Raises:
        BankError: when the file cannot be read, or a whole line is no answer or repeats a row.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return [], 0
    except OSError as error:
        raise _unusable(str(path), f"readable answers, got: {error}") from error
    *lines, torn = content.split(b"\n")
    answers: dict[tuple[str, str], BankedAnswer] = {}
    for number, line in enumerate(lines, start=1):
        try:
            answer = BankedAnswer.model_validate_json(line)
        except ValueError as error:
            raise _unusable(f"{path} line {number}", f"an answer, got: {error}") from error
        row = (answer.id, answer.prompt_digest)
        if row in answers:
            raise _unusable(f"{path} line {number}", f"each row once, got {answer.id!r} again")
        answers[row] = answer
    return list(answers.values()), len(content) - len(torn)


class AnswerLog:
    """The file, open for appending by its one writer."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it, and cut off a torn last line.

        Raises:
            BankError: see `read_answers`; also when the file cannot be written.
        """
        self.path = path
        self.answers, self._length = read_answers(path)
        try:
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            os.ftruncate(self._file, self._length)
            os.fsync(self._file)
            _sync_directory(path.parent)
        except OSError as error:
            raise self._cannot_write(error) from error
        self._synced_at = time.monotonic()

    def append(self, answers: Iterable[BankedAnswer]) -> None:
        """Append whole lines; on the disk within `SYNC_INTERVAL_S`, or at the next `sync`.

        Raises:
            BankError: when they do not fit on the disk; the file then ends as it did before.
        """
        added = list(answers)
        data = "".join(f"{answer.model_dump_json()}\n" for answer in added).encode()
        try:
            try:
                if os.write(self._file, data) < len(data):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except BaseException:
                os.ftruncate(self._file, self._length)
                raise
            self._length += len(data)
            self.answers += added
            if time.monotonic() - self._synced_at >= SYNC_INTERVAL_S:
                self.sync()
        except OSError as error:
            raise self._cannot_write(error) from error

    def sync(self) -> None:
        """Wait until everything appended is on the disk."""
        os.fsync(self._file)
        self._synced_at = time.monotonic()

    def close(self) -> None:
        """Sync and close."""
        try:
            self.sync()
        finally:
            os.close(self._file)

    def _cannot_write(self, error: OSError) -> BankError:
        return BankError(
            str(self.path),
            f"expected to append answers, got: {error.strerror}",
            "Free space there or let this user write, and run again; answers so far are kept.",
        )


def _sync_directory(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _unusable(where: str, expected: str) -> BankError:
    return BankError(
        where, f"expected {expected}", "Restore the file from a copy, or move its directory away."
    )
