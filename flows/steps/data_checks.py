"""Step 2b: data that would make training or its evaluation worthless are refused, others described."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from configs.data_checks import DataChecks
from configs.durable_files import write_durably
from configs.task import TaskConfig
from evals.report.tables import markdown_table
from finetune.data_checks.check_data import SPLITS, check_data
from finetune.data_checks.findings import (
    DataReport,
    balance_table,
    findings_table,
    require_acceptable,
)
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.prepare import read_split, split_digest
from flows.steps.step_state import publish, step, step_state

REPORT = "data_report.json"
LIBRARIES = ("datasketch", "numpy", "scikit-learn", "scipy")


def read_data_report(outcome: StepOutcome) -> DataReport:
    """The report that the step left behind."""
    return DataReport.model_validate_json((outcome.files / REPORT).read_bytes())


def data_report_markdown(report: DataReport) -> str:
    """A report as markdown: findings, worst first, then classes and fields by split."""
    sizes = ", ".join(
        f"{size.rows:,} rows of {size.documents:,} documents in {size.split}"
        for size in report.splits
    )
    balance = f"\n\n### Classes and fields\n\n{markdown_table(*balance_table(report))}"
    return f"## Data checks\n\n{sizes}.\n\n{markdown_table(*findings_table(report))}" + (
        balance if report.balance else ""
    )


@step(name="check data", task_run_name="check data of {task_config.name}")
def check_prepared_data(
    policy: DataChecks, task_config: TaskConfig, prepared: StepOutcome, cache: StepCache
) -> State[Any] | StepOutcome:
    """Check the prepared splits against each other and against the prompt.

    Leaves `data_report.json`; the report is published before anything is refused.

    Raises:
        DataError: when a check of the policy refuses; the rows concerned are named.
    """
    inputs = {
        "splits": {split: split_digest(prepared, split) for split in SPLITS},
        "task": task_config.model_dump(mode="json"),
        "policy": policy.model_dump(mode="json"),
        "code": code_version("finetune"),
        "libraries": {name: version(name) for name in LIBRARIES},
    }

    def work(directory: Path) -> dict[str, Any]:
        rows = {
            split: [row.as_dict() for row in read_split(prepared, split, task_config)]
            for split in SPLITS
        }
        report = check_data(rows, task_config, policy)
        write_durably(directory / REPORT, report.model_dump_json(indent=2))
        return {s: len(report.of(s)) for s in ("refuse", "warn", "ok")}

    outcome = cache.run("data-checks", inputs, work)
    report = read_data_report(outcome)
    publish("data-checks", data_report_markdown(report), "Contamination, leaks, balance and drift")
    for found in report.of("warn"):
        get_run_logger().warning("%s: %s", found.check, found.sentence)
    require_acceptable(report)
    counts = outcome.result
    return step_state(outcome, f"{counts['ok']} checks passed, {counts['warn']} warnings")
