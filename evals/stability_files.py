"""How the second answers and what they changed are kept.

Does: write and read them, in a step's directory or beside an evaluation. Does not: compare
(evals/stability.py).
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import ValidationError

from configs.durable_files import write_durably
from configs.errors import EvidenceError
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.stability import Stability

SUMMARY = "stability.json"
SECOND_ANSWERS = "again"


def write_stability(directory: Path, again: Evaluation, found: Stability) -> None:
    """Write `stability.json`, and the second answers as an evaluation in `again/`."""
    write_evaluation(again, directory / SECOND_ANSWERS)
    write_durably(directory / SUMMARY, found.model_dump_json(indent=2))


def forget_stability(directory: Path) -> None:
    """Remove what an earlier asking left, before the evaluation in the directory is replaced."""
    (directory / SUMMARY).unlink(missing_ok=True)
    if (directory / SECOND_ANSWERS).exists():
        shutil.rmtree(directory / SECOND_ANSWERS)


def read_stability(directory: Path) -> Stability:
    """What asking again changed.

    Raises:
        EvidenceError: when the file is missing or unreadable.
    """
    try:
        return Stability.model_validate_json((directory / SUMMARY).read_bytes())
    except (OSError, ValidationError) as error:
        raise EvidenceError(
            str(directory / SUMMARY),
            f"expected what asking again changed, got: {error}",
            "Ask again: `pawl evaluate ... --again N`.",
        ) from error


def read_second_answers(directory: Path, system: str) -> Evaluation | None:
    """The second answers that stand in a directory; None if no row was asked again.

    Raises:
        EvidenceError: when they are damaged.
    """
    place = directory / SECOND_ANSWERS
    return read_evaluation(place, f"{system}, asked again") if place.exists() else None
