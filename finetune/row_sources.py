"""Records as they stand in JSONL files, Parquet files and datasets of `datasets`.

Does: yield every record with its number, or why it is none. Does not: know tasks (finetune/data.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.data import HubData
from configs.errors import DataError


@dataclass(frozen=True)
class Record:
    """One record of a source; `content` is None where `problem` says why it cannot be read."""

    number: int
    content: dict[str, Any] | None
    problem: str = ""


@dataclass(frozen=True)
class Source:
    """Records and how to speak of them."""

    name: str
    unit: str
    """What a record is called in errors: `line` or `row`; both count from 1."""
    records: Iterator[Record]


def file_source(path: Path) -> Source:
    """The records of a JSONL file, or of a Parquet file if the name ends in `.parquet`.

    Raises:
        DataError: when the file is missing or unreadable.
    """
    if not path.is_file():
        raise DataError(str(path), "expected a file, found none", "Check the path.")
    if path.suffix == ".parquet":
        return Source(str(path), "row", _parquet_records(path))
    return Source(str(path), "line", _jsonl_records(path))


def _jsonl_records(path: Path) -> Iterator[Record]:
    try:
        # Only "\n" ends a line: a JSON string may hold U+2028, U+0085 and the like as they are.
        lines = path.read_bytes().decode("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            str(path), f"expected readable UTF-8, got: {error}", "Check the file."
        ) from error
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _parsed(number, line)


def _parsed(number: int, line: str) -> Record:
    try:
        content = json.loads(line, parse_constant=_refuse_constant)
        json.dumps(content, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        found = f"invalid JSON: {error.msg} at column {error.colno}"
        return Record(number, None, f"expected one JSON object, got {found}")
    except UnicodeEncodeError:
        problem = "expected Unicode text, got half of a surrogate pair (\\ud800 to \\udfff)"
        return Record(number, None, problem)
    except (ValueError, RecursionError) as error:
        return Record(number, None, f"expected one JSON object, got invalid JSON: {error}")
    if not isinstance(content, dict):
        return Record(number, None, f"expected one JSON object, got {type(content).__name__}")
    return Record(number, content)


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _parquet_records(path: Path) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            number = 0
            for batch in file.iter_batches():
                for content in batch.to_pylist():
                    number += 1
                    yield _plain(number, content)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            str(path), f"expected a readable Parquet file, got: {error}", "Check the file."
        ) from error


def _plain(number: int, content: Mapping[str, Any]) -> Record:
    """A record without the nulls that fixed columns need; a value JSON cannot hold is refused."""
    kept = {key: _without_nulls(value) for key, value in content.items() if value is not None}
    try:
        json.dumps(kept, allow_nan=False)
    except (TypeError, ValueError) as error:
        return Record(number, None, f"expected values that JSON can hold, got: {error}")
    return Record(number, kept)


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(inner) for k, inner in value.items() if inner is not None}
    return [_without_nulls(inner) for inner in value] if isinstance(value, list) else value


def hub_source(data: HubData, split: str) -> Source:
    """The records of one split of a dataset repository, with its columns renamed to row fields.

    Class labels become their names. Text in a column that stands for `target` is read as JSON if it
    is an object.

    Args:
        data: its `directory`, if it has one, is absolute or relative to the working directory.
        split: `train`, `validation` or `test`; `data` says what the dataset calls it.
    Raises:
        DataError: when the dataset, the split or a column is missing.
    """
    import datasets

    datasets.disable_progress_bars()
    wanted = getattr(data, split)
    where = f"{data.dataset} split {wanted}"
    try:
        loaded = datasets.load_dataset(
            data.directory or data.dataset, data.config, split=wanted, revision=data.revision
        )
    except (OSError, ValueError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            where,
            f"expected a dataset that can be loaded, got: {error}",
            "Check dataset, revision, config and the names of the splits.",
        ) from error
    for field, column in data.columns.items():
        if column.partition(".")[0] not in loaded.features:
            raise DataError(
                f"{where}: data.columns.{field}",
                f"expected one of the columns {', '.join(loaded.features)}, got {column!r}",
                "Correct the mapping.",
            )
    return Source(where, "row", _hub_records(loaded, data.columns, split))


def _hub_records(dataset: Any, columns: Mapping[str, str], split: str) -> Iterator[Record]:
    import datasets

    labels = {
        name: feature
        for name, feature in dataset.features.items()
        if isinstance(feature, datasets.ClassLabel)
    }
    renamed = {column for column in columns.values() if "." not in column}
    for number, content in enumerate(dataset, start=1):
        # An unlabelled row has the class -1.
        named = {
            name: labels[name].int2str(value) if name in labels and value >= 0 else value
            for name, value in content.items()
            if value is not None and not (name in labels and value < 0)
        }
        row = {name: value for name, value in named.items() if name not in renamed}
        row |= {field: _reached(named, column) for field, column in columns.items()}
        row["id"] = _text_or(row.get("id"), f"{split}-{number}")
        row["doc_id"] = _text_or(row.get("doc_id"), row["id"])
        row["target"] = _object_in(row.get("target"))
        yield _plain(number, row)


def _text_or(value: Any, otherwise: str) -> str:
    return otherwise if value is None else str(value)


def _reached(content: Mapping[str, Any], column: str) -> Any:
    value: Any = content
    for step in column.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def _object_in(target: Any) -> Any:
    if not (isinstance(target, str) and target.lstrip().startswith("{")):
        return target
    try:
        return json.loads(target)
    except ValueError:
        return target
