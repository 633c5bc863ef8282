"""Whether the prompts that a model serves still look like the rows that its evidence rests on.

Does: compare a sample of them with the test rows of the champion's recipe, and note what was found.
Does not: need targets, compute statistics (finetune/data_checks/drift.py), or keep the sample.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.data_checks import DataChecks
from configs.errors import ConfigError, DataError
from configs.load import load_task
from configs.task import TaskConfig
from finetune.data_checks.check_data import text_fields
from finetune.data_checks.drift import drift
from finetune.data_checks.findings import Finding
from finetune.data_checks.rows import CheckedRow, checked_rows
from finetune.row_sources import file_source
from finetune.splits import load_splits
from flows.evidence_facts import facts_now
from flows.evidence_status import recipe_of
from flows.steps.prepare import located
from registry.confirmations import TrafficLook, note_traffic
from registry.records import VersionRecord
from registry.store import ModelStore

SIDES = ("the test rows", "the served traffic")
NO_TARGET = "unknown"


def look_at_traffic(
    store: ModelStore, champion: VersionRecord, sample: Path, actor: str
) -> tuple[TrafficLook, list[Finding]]:
    """Compare served prompts with the test rows, and note what was found about the model.

    Args:
        champion: the version that served them.
        sample: JSONL or Parquet rows with the fields that the task's prompt names. `doc_id` says which
            rows depend on each other; without it each row stands for itself.
        actor: who looks.
    Returns:
        What was noted, and every test behind it.
    Raises:
        DataError: when the sample cannot be read, or lacks the fields.
        ConfigError: when the recipe's task is gone, or its policy switches the check for drift off.
        RegistryError: when MLflow is unreachable.
    """
    recipe = recipe_of(store, champion)
    policy: DataChecks = recipe.data_checks
    if policy.drift.action == "off":
        raise ConfigError(
            f"data_checks.drift of {recipe.name}",
            "expected a policy that tests for drift, got off",
            "Choose warn or refuse in the lifecycle, and run it.",
        )
    task = load_task(recipe.task)
    facts = facts_now(recipe, base_digest="", weights=False)
    splits = load_splits(located(recipe.data), task, recipe.skip_bad_rows, recipe.seed)
    rows = [row.as_dict() for row in splits.test]
    known = checked_rows("test", rows, text_fields(task), task.cluster_key)
    findings = drift(known, served_rows(sample, task), task, policy, SIDES, labelled=False)
    acted_on = [one for one in findings if one.severity != "ok"]
    look = TrafficLook(
        drifted=bool(acted_on),
        sentence=" ".join(one.sentence for one in acted_on or findings),
        data_files_digest=facts.data_files_digest,
    )
    note_traffic(store, champion.model, champion.version, look, actor)
    return look, findings


def served_rows(sample: Path, task: TaskConfig) -> tuple[CheckedRow, ...]:
    """Rows of a file, without targets.

    Raises:
        DataError: when the file is missing, a record cannot be read, or none has any text.
    """
    rows: list[dict[str, Any]] = []
    source = file_source(sample)
    for record in source.records:
        if record.content is None:
            raise DataError(
                f"{sample} {source.unit} {record.number}", record.problem, "Correct or delete it."
            )
        own = {"id": f"served {record.number}", task.cluster_key: f"served {record.number}"}
        rows.append({**own, **record.content, "target": NO_TARGET})
    return checked_rows("served", rows, text_fields(task), task.cluster_key)
