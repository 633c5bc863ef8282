"""Step 2: rows validated, split by document, and free of contamination."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.data import Data, FileData, HubData
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.report.tables import markdown_table
from evals.runner import require_complete_rows
from evals.scorers.registry import metrics_of
from finetune.data import Row, read_rows, write_rows
from finetune.splits import SPLITS, load_splits
from flows.code_version import code_version
from flows.home import data_directory
from flows.step_cache import StepCache, StepOutcome
from flows.steps.step_state import publish, step, step_state
from registry.digests import digest_directory, digest_file


def read_split(prepared: StepOutcome, split: str, task_config: TaskConfig) -> list[Row]:
    """Rows of one prepared split: `train`, `validation` or `test`."""
    return list(read_rows(prepared.files / f"{split}.jsonl", task_config, False).rows)


def split_digest(prepared: StepOutcome, split: str) -> str:
    """Digest of the file of one prepared split."""
    return digest_file(prepared.files / f"{split}.jsonl")


def located(data: Data) -> Data:
    """The data with every path below `data_directory()`."""
    if isinstance(data, FileData):
        paths = {split: str(data_directory() / getattr(data, split)) for split in SPLITS}
        return data.model_copy(update=paths)
    if isinstance(data, HubData) and data.directory is not None:
        place = f"file://{data_directory() / data.directory}"
        return data.model_copy(update={"dataset": place})
    return data


def content_digests(data: Data) -> dict[str, str | None]:
    """Digest of every file or directory that rows come from; None for one that is not there."""
    if isinstance(data, FileData):
        paths = {split: Path(getattr(data, split)) for split in SPLITS}
        return {s: digest_file(path) if path.is_file() else None for s, path in paths.items()}
    if isinstance(data, HubData) and data.directory is not None:
        directory = Path(data.directory)
        found = directory.is_dir()
        return {"dataset": digest_directory(directory).digest if found else None}
    return {}


def _inputs(config: LifecycleConfig, task_config: TaskConfig) -> dict[str, Any]:
    return {
        "data": config.data.model_dump(mode="json"),
        "files": content_digests(located(config.data)),
        "seed": config.seed,
        "task": task_config.model_dump(mode="json"),
        "skip_bad_rows": config.skip_bad_rows,
        "code": code_version("finetune"),
    }


def target_counts(task_config: TaskConfig, rows: Sequence[Row]) -> dict[str, int]:
    """What there is to learn in rows, by the kind of the task: items per field, rows per label, rows
    with and without an answer, or words of the summaries."""
    if task_config.kind == "extraction":
        return {f: sum(len(row.target.get(f, [])) for row in rows) for f in task_config.fields}
    if task_config.kind == "classification":
        labels = Counter(row.target for row in rows)
        return {label: labels[label] for label in task_config.labels}
    if task_config.kind == "summarisation":
        return {"words of summaries": sum(len(row.target.split()) for row in rows)}
    no_answer = task_config.grounding.no_answer
    unanswerable = sum(row.target["answer"] == no_answer for row in rows)
    return {"answerable": len(rows) - unanswerable, "unanswerable": unanswerable}


@step(name="prepare", task_run_name="prepare {config.data.kind}")
def prepare(
    config: LifecycleConfig, task_config: TaskConfig, cache: StepCache
) -> State[Any] | StepOutcome:
    """Validate and split the rows; leaves `train.jsonl`, `validation.jsonl`, `test.jsonl`.

    Raises:
        DataError: for a missing or empty file, rows that break the task's rules, duplicate ids, or
            a document that is in train and in test.
        EvidenceError: when test rows lack what the task's scorers, slices or clusters need.
        ConfigError: when the task names a scorer or a primary metric that does not exist.
    """

    metrics_of(task_config)

    def work(directory: Path) -> dict[str, Any]:
        splits = load_splits(located(config.data), task_config, config.skip_bad_rows, config.seed)
        require_complete_rows(task_config, [row.as_dict() for row in splits.test])
        for name in SPLITS:
            write_rows(getattr(splits, name), directory / f"{name}.jsonl")
        # A problem may quote the row, which a report may show only where the task says so.
        bad = [str(row) if task_config.show_text else row.place for row in splits.bad_rows]
        (directory / "bad_rows.json").write_text(json.dumps(bad, indent=2))
        return {"rows": {n: len(getattr(splits, n)) for n in SPLITS}, "bad_rows": bad}

    outcome = cache.run("prepare", _inputs(config, task_config), work)
    table = []
    counts: dict[str, int] = {}
    for name in SPLITS:
        rows = read_split(outcome, name, task_config)
        counts = target_counts(task_config, rows)
        documents = len({row.doc_id for row in rows})
        table.append([name, *map(str, (len(rows), documents, *counts.values()))])
    bad = outcome.result["bad_rows"]
    left_out = "".join(f"\n- {row}" for row in bad[:50])
    publish(
        "prepare",
        "## Data\n\n"
        + markdown_table(["split", "rows", "documents", *counts], table)
        + f"\n\nNo document is in train or validation and in test. Bad rows left out: {len(bad)}"
        + left_out,
        "Rows, documents and targets per split",
    )
    sizes = ", ".join(f"{count} {name}" for name, count in outcome.result["rows"].items())
    return step_state(outcome, f"rows: {sizes}; bad rows left out: {len(bad)}")
