"""What remains of a teacher's answers: training rows with their origin, and what was left out.

Does: build the rows, count what was left out and why. Does not: ask, or write files.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from configs.errors import DataError
from configs.task import TaskConfig
from finetune.data import Row, row_from_mapping
from finetune.distillation.answers import Answer, Reason, Unusable, agreed_target
from finetune.distillation.unlabelled import Document

ORIGIN = "taught_by"
"""Field of a taught row that says who answered which prompt, and how many answers agreed."""


@dataclass(frozen=True)
class LeftOut:
    """A document that nothing was learned from."""

    id: str
    reason: Reason
    detail: str
    """In words; may quote the answer."""


@dataclass(frozen=True)
class Taught:
    """Rows to train on, and what was left out of them."""

    rows: tuple[Row, ...]
    left_out: tuple[LeftOut, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """Number of rows left out by reason."""
        return dict(Counter(found.reason for found in self.left_out))


def taught_rows(
    documents: Sequence[Document],
    answers: Sequence[Sequence[Answer]],
    prompt_digests: Sequence[str],
    task: TaskConfig,
    teacher: str,
    agreement: int,
) -> Taught:
    """Turn answers into training rows.

    Args:
        answers: of every document, in the order of the documents; one or more samples.
        prompt_digests: `sha256:...` of what was asked, one per document.
        teacher: who answered, in words.
        agreement: see `agreed_target`.
    """
    rows: list[Row] = []
    left_out: list[LeftOut] = []
    for document, samples, digest in zip(documents, answers, prompt_digests, strict=True):
        found = agreed_target(samples, agreement, task)
        if isinstance(found, Unusable):
            left_out.append(LeftOut(document["id"], found.reason, found.detail))
            continue
        origin = {
            "teacher": teacher,
            "prompt_digest": digest,
            "agreed": found.votes,
            "samples": len(samples),
        }
        rows.append(row_from_mapping({**document, "target": found.target, ORIGIN: origin}, task))
    return Taught(tuple(rows), tuple(left_out))


def require_enough(taught: Taught, min_kept: float, where: str) -> None:
    """Insist that enough answers were usable.

    Args:
        min_kept: smallest share of rows, a fraction.
        where: the distillation, for the error.
    Raises:
        DataError: when there are fewer, or none; the reasons are counted.
    """
    asked = len(taught.rows) + len(taught.left_out)
    if taught.rows and len(taught.rows) >= min_kept * asked:
        return
    reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(taught.reasons.items()))
    raise DataError(
        where,
        f"expected usable answers to at least {min_kept:g} of {asked} rows, got {len(taught.rows)} "
        f"({reasons})",
        "Look at what the teacher writes (`pawl baseline list` shows its record); then correct the "
        "task's prompt or constrain its output, or lower min_kept or agreement.",
    )
