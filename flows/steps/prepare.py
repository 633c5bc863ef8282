"""Step 2: rows validated, split by document, and free of contamination."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.lifecycle import FileData, LifecycleConfig, SyntheticData
from configs.task import TaskConfig
from evals.report import markdown_table
from finetune.data import Row, read_rows, write_rows
from finetune.splits import load_splits
from flows.code_version import code_version
from flows.home import data_directory
from flows.step_cache import StepCache, StepOutcome
from flows.steps.step_state import publish, step, step_state
from registry.digests import digest_file

SPLITS = ("train", "validation", "test")


def read_split(prepared: StepOutcome, split: str, task_config: TaskConfig) -> list[Row]:
    """Rows of one prepared split: `train`, `validation` or `test`."""
    return list(read_rows(prepared.files / f"{split}.jsonl", task_config, False).rows)


def split_digest(prepared: StepOutcome, split: str) -> str:
    """Digest of the file of one prepared split."""
    return digest_file(prepared.files / f"{split}.jsonl")


def located(data: SyntheticData | FileData) -> SyntheticData | FileData:
    """The data with every file's path below `data_directory()`."""
    if isinstance(data, SyntheticData):
        return data
    paths = {split: str(data_directory() / getattr(data, split)) for split in SPLITS}
    return data.model_copy(update=paths)


def _inputs(config: LifecycleConfig, task_config: TaskConfig) -> dict[str, Any]:
    files = {}
    data = located(config.data)
    if isinstance(data, FileData):
        for split in SPLITS:
            path = Path(getattr(data, split))
            files[split] = digest_file(path) if path.is_file() else None
    return {
        "data": config.data.model_dump(mode="json"),
        "files": files,
        "seed": config.seed,
        "schema": task_config.output_schema,
        "skip_bad_rows": config.skip_bad_rows,
        "code": code_version("finetune"),
    }


@step(name="prepare", task_run_name="prepare {config.data.kind}")
def prepare(
    config: LifecycleConfig, task_config: TaskConfig, cache: StepCache
) -> State[Any] | StepOutcome:
    """Validate and split the rows; leaves `train.jsonl`, `validation.jsonl`, `test.jsonl`.

    Raises:
        DataError: for a missing or empty file, rows that break the schema, duplicate ids, or a
            document that is in train and in test.
    """

    def work(directory: Path) -> dict[str, Any]:
        splits = load_splits(located(config.data), task_config, config.skip_bad_rows, config.seed)
        for name in SPLITS:
            write_rows(getattr(splits, name), directory / f"{name}.jsonl")
        bad = [f"{row.file} line {row.line}, {row.field}: {row.problem}" for row in splits.bad_rows]
        (directory / "bad_rows.json").write_text(json.dumps(bad, indent=2))
        return {"rows": {n: len(getattr(splits, n)) for n in SPLITS}, "bad_rows": bad}

    outcome = cache.run("prepare", _inputs(config, task_config), work)
    table = []
    for name in SPLITS:
        rows = read_split(outcome, name, task_config)
        items = Counter(
            f for row in rows for f in task_config.fields for _ in row.target.get(f, [])
        )
        documents = str(len({row.doc_id for row in rows}))
        table.append(
            [name, str(len(rows)), documents, *(str(items[f]) for f in task_config.fields)]
        )
    bad = outcome.result["bad_rows"]
    left_out = "".join(f"\n- {row}" for row in bad[:50])
    publish(
        "prepare",
        "## Data\n\n"
        + markdown_table(["split", "rows", "documents", *task_config.fields], table)
        + f"\n\nNo document is in train or validation and in test. Bad rows left out: {len(bad)}"
        + left_out,
        "Rows, documents and gold items per split",
    )
    counts = ", ".join(f"{count} {name}" for name, count in outcome.result["rows"].items())
    return step_state(outcome, f"rows: {counts}; bad rows left out: {len(bad)}")
