"""All checks of one data set, by one policy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configs.data_checks import DataChecks
from configs.errors import DataError
from configs.task import TaskConfig
from finetune.data_checks.balance import class_counts, few_gold_items, majority, unseen_classes
from finetune.data_checks.drift import drift
from finetune.data_checks.duplicates import (
    conflicting_targets,
    repeated_texts,
    training_duplicates,
)
from finetune.data_checks.findings import DataReport, Finding, SplitSize
from finetune.data_checks.prompt_leaks import (
    gold_in_instructions,
    label_in_fields,
    label_in_text,
    prompt_examples,
    target_in_prompt,
)
from finetune.data_checks.rows import CheckedRow, checked_rows

SPLITS = ("train", "validation", "test")


def text_fields(task: TaskConfig) -> tuple[str, ...]:
    """Row fields that are the text of a row: `text` if the prompt shows it, all it shows otherwise."""
    shown = tuple(field for field in task.prompt_fields if field != "target")
    return ("text",) if "text" in shown or not shown else shown


def check_data(
    splits: Mapping[str, Sequence[Mapping[str, Any]]], task: TaskConfig, policy: DataChecks
) -> DataReport:
    """Check train, validation and test rows against each other and against the prompt.

    Args:
        splits: `train`, `validation` and `test`, each rows `{"id", "doc_id", ..., "target"}` that
            fit the task (`finetune.data.read_rows`).
    Returns:
        Every finding, also of checks that found nothing; nothing is refused here
        (`findings.require_acceptable`).
    Raises:
        DataError: when a split is missing or empty, or rows lack an id, a document, a target or text.
    """
    missing = [name for name in SPLITS if name not in splits]
    if missing:
        raise DataError("data", f"expected {', '.join(SPLITS)}, got no {missing[0]}", "Add it.")
    fields = text_fields(task)
    rows = {name: checked_rows(name, splits[name], fields, task.cluster_key) for name in SPLITS}
    counted = [class_counts(rows[name], task) for name in SPLITS]
    return DataReport(
        splits=tuple(
            SplitSize(split=name, rows=len(own), documents=len({row.doc_id for row in own}))
            for name, own in rows.items()
        ),
        findings=tuple(
            _duplicates(rows, task, policy)
            + _leaks(rows, task, policy)
            + _distribution(rows, task, policy)
        ),
        balance=tuple(count for own in counted for count in own),
    )


def _duplicates(
    rows: Mapping[str, Sequence[CheckedRow]], task: TaskConfig, policy: DataChecks
) -> list[Finding]:
    seen = [*rows["train"], *rows["validation"]]
    findings = training_duplicates(seen, rows["test"], policy)
    if policy.repeated_texts != "off":
        findings.append(repeated_texts(rows["test"], policy))
    if policy.conflicting_targets != "off":
        findings += [conflicting_targets(rows[name], task, policy) for name in ("train", "test")]
    return findings


def _leaks(
    rows: Mapping[str, Sequence[CheckedRow]], task: TaskConfig, policy: DataChecks
) -> list[Finding]:
    test = rows["test"]
    findings = []
    if policy.prompt_examples.action != "off":
        findings.append(prompt_examples(test, task, text_fields(task), policy))
    if policy.target_in_prompt != "off":
        findings.append(target_in_prompt(test, task, policy))
    if task.kind == "classification":
        if policy.label_in_fields.action != "off":
            findings += label_in_fields(test, task, policy)
        if policy.label_in_text.action != "off":
            findings.append(label_in_text(test, task, policy))
    elif task.kind in ("extraction", "grounded-qa") and policy.gold_in_instructions.action != "off":
        findings.append(gold_in_instructions(rows["train"], test, task, policy))
    return findings


def _distribution(
    rows: Mapping[str, Sequence[CheckedRow]], task: TaskConfig, policy: DataChecks
) -> list[Finding]:
    train, test = rows["train"], rows["test"]
    findings: list[Finding] = []
    if policy.unseen_classes != "off":
        findings.append(unseen_classes(train, test, task, policy))
    if policy.few_gold_items.action != "off":
        rare = few_gold_items(test, task, policy)
        findings += [rare] if rare is not None else []
    if policy.majority.action != "off":
        findings.append(majority(train, test, task, policy))
    if policy.drift.action != "off":
        findings += drift(train, test, task, policy)
    return findings
