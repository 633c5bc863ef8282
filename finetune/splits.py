"""Train, validation and test: whole documents on one side only.

Does: load or generate the three splits, sample whole documents, refuse contamination.
Does not: parse files (finetune/row_sources.py) or validate rows (finetune/data.py).
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from configs.data import Data, FileData, HubData, SyntheticData, SyntheticNotes, SyntheticRows
from configs.errors import DataError
from configs.task import TaskConfig
from finetune.data import BadRow, Row, validated
from finetune.row_sources import Record, Source, file_source, hub_source
from finetune.synthetic.generators import generate_rows

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Splits:
    """Rows by use; no document of test is in train or validation."""

    train: tuple[Row, ...]
    validation: tuple[Row, ...]
    test: tuple[Row, ...]
    bad_rows: tuple[BadRow, ...]


def sample_documents(rows: Sequence[Row], max_rows: int | None, seed: int) -> tuple[Row, ...]:
    """A seeded sample of at most `max_rows` rows that takes documents whole, in file order."""
    if max_rows is None or len(rows) <= max_rows:
        return tuple(rows)
    sizes: dict[str, int] = {}
    for row in rows:
        sizes[row.doc_id] = sizes.get(row.doc_id, 0) + 1
    documents = list(sizes)
    random.Random(f"sample/{seed}").shuffle(documents)
    kept: set[str] = set()
    room = max_rows
    for document in documents:
        if sizes[document] <= room:
            kept.add(document)
            room -= sizes[document]
    return tuple(row for row in rows if row.doc_id in kept)


def check_contamination(
    train: Sequence[Row], validation: Sequence[Row], test: Sequence[Row]
) -> None:
    """Refuse test documents that the model would be trained or tuned on.

    Raises:
        DataError: when a document, or a text up to case and white space, is in train or
            validation and in test; the ids are named.
    """
    for name, rows in (("train", train), ("validation", validation)):
        documents = {row.doc_id for row in rows}
        texts = {_same_text(row.text) for row in rows}
        shared = [row for row in test if row.doc_id in documents or _same_text(row.text) in texts]
        if shared:
            shown = ", ".join(f"{row.id} (document {row.doc_id})" for row in shared[:5])
            raise DataError(
                f"data.test and data.{name}",
                f"expected no document in both, got {len(shared)} test rows that are also in "
                f"{name}: {shown}",
                "Take these documents out of one of the files.",
            )


def _same_text(text: str) -> str:
    return " ".join(text.casefold().split())


def _check_unique_ids(splits: Splits) -> None:
    split_of: dict[str, str] = {}
    for name, rows in (
        ("train", splits.train),
        ("validation", splits.validation),
        ("test", splits.test),
    ):
        for row in rows:
            if row.id in split_of:
                raise DataError(
                    f"data.{name}",
                    f"expected unique ids, got {row.id!r} in {name} and in {split_of[row.id]}",
                    "Give every row its own id.",
                )
            split_of[row.id] = name


def load_splits(data: Data, task: TaskConfig, skip_bad_rows: bool, seed: int) -> Splits:
    """Load or generate all three splits, checked.

    Args:
        seed: for sampling whole documents where the configuration asks for fewer rows.
    Raises:
        DataError: see `read_rows` and `check_contamination`; also for ids that repeat over splits.
    """
    if isinstance(data, SyntheticData):
        splits = _generated(data, task)
    else:
        splits = _read(data, task, skip_bad_rows, seed)
    _check_unique_ids(splits)
    check_contamination(splits.train, splits.validation, splits.test)
    return splits


def _generated(data: SyntheticNotes | SyntheticRows, task: TaskConfig) -> Splits:
    made = {}
    for split in SPLITS:
        rows = generate_rows(data.generator, split, getattr(data, f"{split}_documents"), data.seed)
        records = (Record(number, row) for number, row in enumerate(rows, start=1))
        source = Source(f"generator {data.generator}, {split}", "row", records)
        made[split] = validated(source, task, False).rows
    return Splits(**made, bad_rows=())


def _read(data: FileData | HubData, task: TaskConfig, skip_bad_rows: bool, seed: int) -> Splits:
    read = {
        split: validated(
            hub_source(data, split)
            if isinstance(data, HubData)
            else file_source(Path(getattr(data, split))),
            task,
            skip_bad_rows,
        )
        for split in SPLITS
    }
    # Contamination counts before sampling too: a sample must not hide a leak in the files.
    check_contamination(*(read[split].rows for split in SPLITS))
    sampled = {
        split: sample_documents(read[split].rows, getattr(data, f"max_{split}_rows"), seed)
        for split in SPLITS
    }
    for split, rows in sampled.items():
        if not rows:
            raise DataError(
                f"data.max_{split}_rows",
                f"expected room for one whole document, got {getattr(data, f'max_{split}_rows')}",
                "Raise it: documents are taken whole.",
            )
    bad = tuple(row for split in SPLITS for row in read[split].bad_rows)
    return Splits(**sampled, bad_rows=bad)
