"""Rows of a dataset: read from JSONL, validated against the task, written with the same bytes.

Does: name file, line and field of everything that is wrong.
Does not: split or sample rows (finetune/splits.py), or render prompts (configs/task.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from configs.durable_files import write_durably
from configs.errors import DataError
from configs.task import TaskConfig

SHOWN_PROBLEMS = 10
_TEXT_FIELDS = ("id", "doc_id", "text")


@dataclass(frozen=True)
class Row:
    """One example: a text of one document, and the answer that is right for it."""

    id: str
    doc_id: str
    text: str
    target: dict[str, Any]
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the row, such as those that slices are made of."""

    def as_dict(self) -> dict[str, Any]:
        """The row as it stands in a file."""
        return {
            "id": self.id,
            "doc_id": self.doc_id,
            "text": self.text,
            "target": self.target,
            **self.extra,
        }


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: where it is and why."""

    file: str
    line: int
    field: str
    problem: str

    def __str__(self) -> str:
        return f"{self.file} line {self.line}, {self.field}: {self.problem}"


@dataclass(frozen=True)
class ReadRows:
    """The usable rows of a file, and those left out."""

    rows: tuple[Row, ...]
    bad_rows: tuple[BadRow, ...]


def row_from_mapping(content: Mapping[str, Any]) -> Row:
    """A row from a validated mapping; fields beyond the four known ones become `extra`."""
    known = (*_TEXT_FIELDS, "target")
    extra = {key: value for key, value in content.items() if key not in known}
    return Row(content["id"], content["doc_id"], content["text"], content["target"], extra)


def _problem_of(line: str, validator: Draft202012Validator) -> tuple[str, str] | Row:
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
        json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        found = f"invalid JSON: {error.msg} at column {error.colno}"
        return "(line)", f"expected one JSON object, got {found}"
    except UnicodeEncodeError:
        return "(line)", "expected Unicode text, got half of a surrogate pair (\\ud800 to \\udfff)"
    except (ValueError, RecursionError) as error:
        return "(line)", f"expected one JSON object, got invalid JSON: {error}"
    if not isinstance(content, dict):
        return "(line)", f"expected one JSON object, got {type(content).__name__}"
    for name in _TEXT_FIELDS:
        value = content.get(name)
        if not isinstance(value, str) or not value.strip():
            return name, f"expected a non-empty string, got {value!r}"
    if not isinstance(content.get("target"), dict):
        return "target", f"expected an object, got {content.get('target')!r}"
    for broken in validator.iter_errors(content["target"]):
        path = "target" + "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in broken.absolute_path
        )
        return path, broken.message[:200]
    return row_from_mapping(content)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def read_rows(path: Path, task: TaskConfig, skip_bad_rows: bool) -> ReadRows:
    """Read and validate a JSONL file of rows `{"id", "doc_id", "text", "target", ...}`.

    Args:
        skip_bad_rows: leave rows that break the schema out and list them, instead of refusing.
    Raises:
        DataError: when the file is missing, not UTF-8 or has no usable row, when ids repeat, or,
            without `skip_bad_rows`, when any row is bad: the first ten are named.
    """
    try:
        # Only "\n" ends a line: a JSON string may hold U+2028, U+0085 and the like as they are.
        lines = path.read_bytes().decode("utf-8").split("\n")
    except FileNotFoundError as error:
        raise DataError(str(path), "expected a file, found none", "Check the path.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            str(path), f"expected readable UTF-8, got: {error}", "Check the file."
        ) from error
    validator = Draft202012Validator(task.output_schema)
    rows: list[Row] = []
    bad: list[BadRow] = []
    line_of_id: dict[str, int] = {}
    repeated: list[BadRow] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        row = _problem_of(line, validator)
        if not isinstance(row, Row):
            bad.append(BadRow(str(path), number, *row))
            continue
        if row.id in line_of_id:
            problem = f"expected a unique id, got {row.id!r} again (first on line "
            repeated.append(BadRow(str(path), number, "id", f"{problem}{line_of_id[row.id]})"))
        line_of_id.setdefault(row.id, number)
        rows.append(row)
    if repeated:
        raise _refusal(path, repeated, "Give every row its own id.")
    if bad and not skip_bad_rows:
        raise _refusal(path, bad, "Correct the rows, or leave them out with --skip-bad-rows.")
    if not rows:
        raise DataError(
            str(path),
            f"expected at least one usable row, got none ({len(bad)} bad)",
            "Check that this is the right file.",
        )
    return ReadRows(tuple(rows), tuple(bad))


def _refusal(path: Path, problems: list[BadRow], action: str) -> DataError:
    listed = "".join(f"\n  - {problem}" for problem in problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    tail = f"\n  and {more} more" if more > 0 else ""
    return DataError(str(path), f"{len(problems)} bad rows{listed}{tail}", action)


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSONL; the same rows give the same bytes."""
    lines = (json.dumps(row.as_dict(), ensure_ascii=False, sort_keys=True) for row in rows)
    write_durably(path, "".join(f"{line}\n" for line in lines))
