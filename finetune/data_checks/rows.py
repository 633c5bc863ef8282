"""Rows as the checks see them: an id, a document, a text as words, and a target.

Does: read plain mappings of any task kind; normalise text so that trivial edits do not hide a copy.
Does not: read files or validate targets (finetune/data.py).
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs.errors import DataError
from configs.prompt import prompt_text

# Scripts written without spaces (Thai to Khmer, kana, Han): each character is a word.
_WORD = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]|\w+")
SHOWN_IDS = 10


@dataclass(frozen=True)
class CheckedRow:
    """One row of one split."""

    id: str
    doc_id: str
    """Which rows depend on each other."""
    split: str
    text: str
    plain: str
    """The text without regard to case and white space; punctuation can matter (`HIV +`, `HIV -`)."""
    words: tuple[str, ...]
    """The text's words, without case and punctuation."""
    target: Any
    content: Mapping[str, Any]
    """The row as given."""


def plain_of(text: str) -> str:
    """The text in lower case with single spaces; ligatures and full-width letters as plain ones."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def words_of(text: str) -> tuple[str, ...]:
    """Words without case, punctuation or white space; the text itself when it has no word."""
    plain = plain_of(text)
    return tuple(_WORD.findall(plain)) or (plain.replace(" ", ""),)


def contains_words(words: Sequence[str], wanted: Sequence[str]) -> bool:
    """Whether the wanted words stand in a row among the words."""
    return bool(wanted) and f" {' '.join(wanted)} " in f" {' '.join(words)} "


def canonical(target: Any) -> str:
    """A target as JSON text, equal for equal targets whatever the order of keys."""
    return json.dumps(target, sort_keys=True, ensure_ascii=False, default=str)


def checked_rows(
    split: str,
    rows: Sequence[Mapping[str, Any]],
    text_fields: Sequence[str] = ("text",),
    cluster_key: str = "doc_id",
) -> tuple[CheckedRow, ...]:
    """Rows of one split, ready to be checked.

    Args:
        split: `train`, `validation` or `test`.
        rows: `{"id", "doc_id", ..., "target"}`; text fields hold what `configs.prompt` can show.
        text_fields: which fields hold what is asked about; together they are the row's text.
        cluster_key: field that says which rows depend on each other.
    Raises:
        DataError: when the split is empty, or rows lack an id, a document, a target or any text.
    """
    if not rows:
        raise DataError(f"data.{split}", "expected rows, got none", "Check the file.")
    made: list[CheckedRow] = []
    problems: list[str] = []
    for number, row in enumerate(rows, start=1):
        name = str(row.get("id") or f"row {number}")
        missing = [k for k in ("id", cluster_key, "target") if row.get(k) in (None, "")]
        values = (row.get(field) for field in text_fields)
        text = "\n".join(prompt_text(value) for value in values if value is not None)
        if not text.strip():
            missing.append(" or ".join(text_fields))
        if missing:
            problems.append(f"{name} without {', '.join(missing)}")
            continue
        made.append(
            CheckedRow(
                id=name,
                doc_id=str(row[cluster_key]),
                split=split,
                text=text,
                plain=plain_of(text),
                words=words_of(text),
                target=row["target"],
                content=row,
            )
        )
    if problems:
        more = len(problems) - SHOWN_IDS
        tail = f" and {more} more" if more > 0 else ""
        raise DataError(
            f"data.{split}",
            f"expected an id, a document, a target and a text in every row, got "
            f"{'; '.join(problems[:SHOWN_IDS])}{tail}",
            "Fill the fields, or take the rows out.",
        )
    return tuple(made)
