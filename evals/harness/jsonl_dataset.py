"""Questions of a local task, read from a JSONL file; task YAMLs name these functions.

    custom_dataset: !function evals.harness.jsonl_dataset.beside_task
    dataset_kwargs:
      file: questions.jsonl

Does: read the file anew each time. Does not: keep a copy, as the datasets library's own JSON
reader does, which could answer with yesterday's file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from configs.errors import DataError


def beside_task(*, file: str, config_source: str, **_metadata: Any) -> Any:
    """Split `test` of a file whose path starts at the directory of the task's YAML file.

    Returns:
        `{"test": datasets.Dataset}`, what lm_eval expects of a `custom_dataset`.
    Raises:
        DataError: when the file is missing, empty or not JSONL.
    """
    return _test_split(Path(config_source).parent / file)


def below_pawl_data(*, file: str, **_metadata: Any) -> Any:
    """Split `test` of a file below `PAWL_DATA`, or below the working directory where it is unset.

    Returns:
        `{"test": datasets.Dataset}`, what lm_eval expects of a `custom_dataset`.
    Raises:
        DataError: when the file is missing, empty or not JSONL.
    """
    return _test_split(Path(os.environ.get("PAWL_DATA", ".")) / file)


def _test_split(path: Path) -> Any:
    from datasets import Dataset, DatasetDict

    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            str(path), f"expected a readable JSONL file, got: {error}",
            "Put the file there, or set PAWL_DATA to the directory that holds it.",
        ) from error  # fmt: skip
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not rows:
        raise DataError(str(path), "expected questions, got an empty file", "Check the file.")
    return DatasetDict(test=Dataset.from_list(rows))


def _row(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise DataError(
            f"{path} line {number}", f"expected JSON, got: {error}", "Correct that line."
        ) from error
    if not isinstance(row, dict):
        raise DataError(
            f"{path} line {number}", f"expected an object, got {type(row).__name__}",
            "Correct that line.",
        )  # fmt: skip
    return row
