"""Documents without labels: read or generated, checked, sampled, and apart from the gold rows.

Does: insist that every document can be asked; refuse those that the student is evaluated on.
Does not: ask anybody.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.data import Data, HubData, SyntheticData
from configs.distillation import Unlabelled, UnlabelledFile
from configs.errors import DataError
from configs.task import TaskConfig
from finetune.data import SHOWN_PROBLEMS, Row, row_from_mapping, validated
from finetune.row_sources import Record, Source, file_source, hub_source
from finetune.splits import check_contamination, sample_documents
from finetune.synthetic.generators import generate_rows

Document = dict[str, Any]
"""A row without `target`."""


def read_unlabelled(documents: Unlabelled, task: TaskConfig, skip_bad: bool) -> list[Document]:
    """Rows to ask about: `{"id", "doc_id", <fields of the prompt>, ...}` without a target.

    Args:
        skip_bad: leave rows that cannot be asked out instead of refusing.
    Raises:
        DataError: when the file is missing or has no usable row, when an id repeats, or, without
            `skip_bad`, when a row cannot be asked; the first ten are named.
    """
    if isinstance(documents, UnlabelledFile):
        source = file_source(Path(documents.path))
    else:
        rows = generate_rows(documents.generator, "train", documents.documents, documents.seed)
        records = (Record(number, row) for number, row in enumerate(rows, start=1))
        source = Source(f"generator {documents.generator}", "row", records)
    found: dict[str, Document] = {}
    problems: list[str] = []
    for record in source.records:
        place = f"{source.name} {source.unit} {record.number}"
        if record.content is None:
            problems.append(f"{place}: {record.problem}")
            continue
        document = _without_label(record.content)
        if (problem := _problem_of(document, task)) is not None:
            problems.append(f"{place}, {problem[0]}: {problem[1]}")
        elif document["id"] in found:
            raise DataError(
                place,
                f"expected a unique id, got {document['id']!r} again",
                "Give every document its own id.",
            )
        else:
            found[document["id"]] = document
    if problems and not skip_bad:
        more = len(problems) - SHOWN_PROBLEMS
        listed = "".join(f"\n  - {problem}" for problem in problems[:SHOWN_PROBLEMS])
        raise DataError(
            source.name,
            f"{len(problems)} bad rows{listed}" + (f"\n  and {more} more" if more > 0 else ""),
            "Correct them, or leave them out with skip_bad_rows.",
        )
    if not found:
        raise DataError(
            source.name,
            f"expected at least one document to ask about, got none ({len(problems)} bad)",
            "Check that this is the right file.",
        )
    return list(found.values())


def _without_label(content: Mapping[str, Any]) -> Document:
    document = {name: value for name, value in content.items() if name != "target"}
    return {"doc_id": document.get("id"), **document}


def _problem_of(document: Mapping[str, Any], task: TaskConfig) -> tuple[str, str] | None:
    for name in ("id", "doc_id"):
        value = document.get(name)
        if not isinstance(value, str) or not value.strip():
            return name, f"expected a non-empty string, got {value!r}"
    return task.input_problem(document)


def sample_of_documents(
    rows: Sequence[Document], max_documents: int | None, seed: int
) -> list[Document]:
    """The rows of a seeded sample of documents, in the order given; all of them without a limit."""
    names = list(dict.fromkeys(row["doc_id"] for row in rows))
    if max_documents is None or len(names) <= max_documents:
        return list(rows)
    random.Random(f"distillation/{seed}").shuffle(names)
    kept = set(names[:max_documents])
    return [row for row in rows if row["doc_id"] in kept]


def labelled_rows(data: Data, split: str, task: TaskConfig, skip_bad: bool) -> tuple[Row, ...]:
    """All labelled rows of one split; the training rows of a lifecycle are not touched.

    Args:
        data: with paths that are absolute or start at the working directory.
        split: `validation` or `test`.
    Raises:
        DataError: see `finetune.data.read_rows`.
    """
    if isinstance(data, SyntheticData):
        count = getattr(data, f"{split}_documents")
        generated = generate_rows(data.generator, split, count, data.seed)
        records = (Record(number, row) for number, row in enumerate(generated, start=1))
        source = Source(f"generator {data.generator}, {split}", "row", records)
        return validated(source, task, skip_bad).rows
    source = (
        hub_source(data, split)
        if isinstance(data, HubData)
        else file_source(Path(getattr(data, split)))
    )
    return validated(source, task, skip_bad).rows


def gold_rows(rows: Sequence[Row], data: Data, split: str, seed: int) -> tuple[Row, ...]:
    """Those of `labelled_rows` that a lifecycle would use.

    Args:
        rows: all of the split.
        data: says how many of them are asked for.
        seed: of the sample, where there are more.
    """
    return sample_documents(rows, getattr(data, f"max_{split}_rows", None), seed)


def require_apart(
    documents: Sequence[Document],
    validation: Sequence[Row],
    test: Sequence[Row],
    task: TaskConfig,
) -> None:
    """Refuse what could not be trained on anyway, before a teacher is paid for it.

    Args:
        validation, test: all rows that are labelled. A sample of them would hide a leak from this
            lifecycle, and another that samples differently would test on what was taught.
    Raises:
        DataError: when a document is also in test, or an id is also that of a gold row.
    """
    rows = [row_from_mapping({**document, "target": None}, task) for document in documents]
    gold_ids = {row.id for row in (*validation, *test)}
    if taken := [row.id for row in rows if row.id in gold_ids]:
        raise DataError(
            "documents",
            f"expected ids that no validation or test row has, got {len(taken)}: "
            f"{', '.join(taken[:5])}",
            "Give the documents other ids, or take these out.",
        )
    check_contamination(rows, validation, test)
