"""Read JSON and JSON lines of logs, with one message for what cannot be read.

Does: parse, name file and line. Does not: know any tool.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from configs.errors import EvidenceError

JsonObject = dict[str, Any]
SHOWN = 8
"""Most names listed in a message."""


def json_object(path: Path) -> JsonObject | None:
    """The object in a JSON file, or None when it holds something else or is cut off."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def json_lines(path: Path) -> list[JsonObject]:
    """Every line of a JSONL file.

    Raises:
        EvidenceError: when the file is unreadable or empty, or a line is cut off or no object.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise EvidenceError(
            str(path), f"expected a readable log, got: {error}", "Copy it again."
        ) from error
    found = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except ValueError as error:
            raise EvidenceError(
                f"{path} line {number}",
                f"expected a whole sample in JSON, got one that is cut off or damaged ({error})",
                "Copy the log again, or run the evaluation again.",
            ) from error
        if not isinstance(value, dict):
            raise EvidenceError(
                f"{path} line {number}", f"expected a sample, got {type(value).__name__}",
                "Copy the log again.",
            )  # fmt: skip
        found.append(value)
    if not found:
        raise EvidenceError(
            str(path), "expected samples, got an empty file", "Run the evaluation again."
        )
    return found


def listed(names: list[str]) -> str:
    """Up to `SHOWN` names, and how many more there are."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def damaged(path: Path, sample: str, error: Exception) -> EvidenceError:
    """The error for a sample that lacks what its format has."""
    return EvidenceError(
        f"{path}: {sample}",
        f"expected a sample as the tool writes it, got {type(error).__name__}: {error}",
        "Export the log again from the tool.",
    )
