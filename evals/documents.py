"""The documents that rows and evaluations rest on, by which a test set is known again.

Does: find them, and which rows are about each. Does not: count decisions on them (registry/looks.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from configs.document_set import DIGEST_CHARACTERS, DocumentSet, input_digest
from configs.prompt import prompt_text
from configs.task import TaskConfig
from evals.evaluation import INPUT_DIGEST, Evaluation

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class DocumentRows:
    """Documents of a test set, each with the ids of the rows about it."""

    rows: Mapping[str, tuple[str, ...]]
    """Digest of a document -> ids, in the order of the rows."""
    known_by_text: bool
    """False: by data digest and document key, because the evaluation kept no digest of its texts. The
    same texts in another file are then not known again."""

    @property
    def documents(self) -> DocumentSet:
        """The documents alone."""
        return DocumentSet(frozenset(self.rows))

    def ids(self, documents: Iterable[str]) -> tuple[str, ...]:
        """Ids of the rows about some of the documents, in the order of the rows."""
        wanted = set(documents)
        return tuple(row for d, rows in self.rows.items() if d in wanted for row in rows)


def row_digest(task: TaskConfig, row: Mapping[str, Any]) -> str:
    """`configs.document_set.input_digest` of the fields that the task's prompt shows of a row.

    Raises:
        KeyError: when the row lacks one.
    """
    return input_digest(prompt_text(row[name]) for name in task.prompt_fields)


def documents_of_rows(task: TaskConfig, rows: Sequence[Mapping[str, Any]]) -> DocumentRows:
    """The documents of rows that are going to be asked.

    Raises:
        KeyError: when a row lacks a field that the prompt shows.
    """
    found = [(row_digest(task, row), str(row["id"])) for row in rows]
    return DocumentRows(_grouped(found), known_by_text=True)


def documents_of_evaluations(evaluations: Iterable[Evaluation]) -> DocumentRows:
    """The documents of all rows that any of several evaluations of the same rows has answered.

    Rows without a digest in any of them, as evaluations of earlier versions have them, are known by
    the digest of their data and their document key.
    """
    texts: dict[str, str] = {}
    names: dict[str, str] = {}
    for evaluation in evaluations:
        frame = evaluation.frame
        ids = frame["id"].astype(str)
        if INPUT_DIGEST in frame.columns:
            texts |= dict(zip(ids, frame[INPUT_DIGEST].astype(str), strict=True))
        else:
            names |= dict(zip(ids, _names(evaluation.data_digest, frame), strict=True))
    found = {**names, **texts}
    return DocumentRows(
        _grouped((digest, row) for row, digest in found.items()),
        known_by_text=found.keys() == texts.keys(),
    )


def _names(data_digest: str, frame: pd.DataFrame) -> list[str]:
    def name(cluster: str) -> str:
        return hashlib.sha256(f"{data_digest} {cluster}".encode()).hexdigest()[:DIGEST_CHARACTERS]

    digests = {cluster: name(cluster) for cluster in frame["cluster"].astype(str).unique()}
    return [digests[cluster] for cluster in frame["cluster"].astype(str)]


def _grouped(found: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, list[str]] = {}
    for digest, row in found:
        grouped.setdefault(digest, []).append(row)
    return {digest: tuple(rows) for digest, rows in grouped.items()}
