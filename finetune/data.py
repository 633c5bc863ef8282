"""Rows of a dataset: read, validated against the task, written with the same bytes.

Does: name file, line and field of everything that is wrong.
Does not: parse files (finetune/row_sources.py), split or sample rows (finetune/splits.py), or render
prompts (configs/task.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from configs.durable_files import write_durably
from configs.errors import DataError
from configs.prompt import prompt_text
from configs.task import TaskConfig
from finetune.row_sources import Source, file_source

SHOWN_PROBLEMS = 10


@dataclass(frozen=True)
class Row:
    """One example: what a model reads of one document, and the answer that is right for it."""

    id: str
    doc_id: str
    text: str
    """The row's `text`; where the prompt names other fields, their values, one after the other."""
    target: Any
    """In the form of the task's kind: an object, a label, a text."""
    extra: dict[str, Any] = field(default_factory=dict)
    """Further fields of the row, such as those that slices are made of."""
    has_text: bool = True
    """Whether `text` is a field of the row, not only made of others."""

    def as_dict(self) -> dict[str, Any]:
        """The row as it stands in a file."""
        text = {"text": self.text} if self.has_text else {}
        return {"id": self.id, "doc_id": self.doc_id, **text, "target": self.target, **self.extra}


@dataclass(frozen=True)
class BadRow:
    """A row that cannot be used: where it is and why."""

    file: str
    line: int
    field: str
    problem: str
    unit: str = "line"
    """What `line` counts: `line`s of a text file, or `row`s of a table; from 1."""

    @property
    def place(self) -> str:
        """Where it is, without a word of what it says."""
        return f"{self.file} {self.unit} {self.line}, {self.field}"

    def __str__(self) -> str:
        return f"{self.place}: {self.problem}"


@dataclass(frozen=True)
class ReadRows:
    """The usable rows of a file, and those left out."""

    rows: tuple[Row, ...]
    bad_rows: tuple[BadRow, ...]


def row_from_mapping(content: Mapping[str, Any], task: TaskConfig | None = None) -> Row:
    """A row from a validated mapping; fields without a place of their own become `extra`.

    Args:
        task: says which fields make up the text of a row that has no field `text`.
    """
    has_text = isinstance(content.get("text"), str)
    known = ("id", "doc_id", "target", *(["text"] if has_text else []))
    extra = {key: value for key, value in content.items() if key not in known}
    if has_text or task is None:
        text = content["text"]
    else:
        text = "\n".join(prompt_text(content[name]) for name in task.prompt_fields)
    return Row(content["id"], content["doc_id"], text, content["target"], extra, has_text)


def _problem_of(content: Mapping[str, Any], task: TaskConfig) -> tuple[str, str] | None:
    for name in ("id", "doc_id"):
        value = content.get(name)
        if not isinstance(value, str) or not value.strip():
            return name, f"expected a non-empty string, got {value!r}"
    return task.input_problem(content) or task.target_problem(content.get("target"))


def read_rows(path: Path, task: TaskConfig, skip_bad_rows: bool) -> ReadRows:
    """Read and validate a JSONL or Parquet file of rows.

    A row is `{"id", "doc_id", "target", ...}` with the fields that the task's prompt names; the
    target has the form of the task's kind (`configs.target.target_problem`).

    Args:
        skip_bad_rows: leave rows that break these rules out and list them, instead of refusing.
    Raises:
        DataError: when the file is missing, unreadable or has no usable row, when ids repeat, or,
            without `skip_bad_rows`, when any row is bad: the first ten are named.
    """
    return validated(file_source(path), task, skip_bad_rows)


def validated(source: Source, task: TaskConfig, skip_bad_rows: bool) -> ReadRows:
    """The rows of a source, under the rules and with the errors of `read_rows`."""
    rows: list[Row] = []
    bad: list[BadRow] = []
    number_of_id: dict[str, int] = {}
    repeated: list[BadRow] = []
    for record in source.records:

        def bad_row(field: str, problem: str, number: int = record.number) -> BadRow:
            return BadRow(source.name, number, field, problem, source.unit)

        if record.content is None:
            bad.append(bad_row(f"({source.unit})", record.problem))
            continue
        problem = _problem_of(record.content, task)
        if problem is not None:
            bad.append(bad_row(*problem))
            continue
        row = row_from_mapping(record.content, task)
        first = number_of_id.setdefault(row.id, record.number)
        if first != record.number:
            again = f"expected a unique id, got {row.id!r} again (first on {source.unit} {first})"
            repeated.append(bad_row("id", again))
        rows.append(row)
    if repeated:
        raise _refusal(source.name, repeated, "Give every row its own id.")
    if bad and not skip_bad_rows:
        action = "Correct the rows, or leave them out with --skip-bad-rows."
        raise _refusal(source.name, bad, action)
    if not rows:
        raise DataError(
            source.name,
            f"expected at least one usable row, got none ({len(bad)} bad)",
            "Check that this is the right file.",
        )
    return ReadRows(tuple(rows), tuple(bad))


def _refusal(where: str, problems: list[BadRow], action: str) -> DataError:
    listed = "".join(f"\n  - {problem}" for problem in problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    tail = f"\n  and {more} more" if more > 0 else ""
    return DataError(where, f"{len(problems)} bad rows{listed}{tail}", action)


def write_rows(rows: Iterable[Row], path: Path) -> None:
    """Write rows as JSONL; the same rows give the same bytes."""
    lines = (json.dumps(row.as_dict(), ensure_ascii=False, sort_keys=True) for row in rows)
    write_durably(path, "".join(f"{line}\n" for line in lines))
