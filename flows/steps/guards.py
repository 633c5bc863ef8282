"""Step 5c: what a model could do before, asked through lm-evaluation-harness."""

from __future__ import annotations

import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.harness import HarnessTask
from configs.lifecycle import LifecycleConfig
from evals.evaluation import write_evaluation
from evals.harness.evaluate import evaluate_harness_task
from evals.harness.models import local_harness_model
from evals.harness.tasks import SHIPPED
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.evaluate import evaluated, weights_inputs
from flows.steps.step_state import step
from registry.digests import digest_directory, digest_file


def _task_files(reference: str) -> str | None:
    """Digest of the files a task is read from; None for one of lm_eval's own, known by version."""
    path = Path(reference)
    if (SHIPPED / f"{reference}.yaml").is_file():
        return digest_directory(SHIPPED).digest
    if path.is_dir():
        return digest_directory(path).digest
    return digest_file(path) if path.is_file() else None


def _data_stamp() -> dict[str, list[int]]:
    """Size and time of the files below PAWL_DATA, which a guard task may read."""
    place = os.environ.get("PAWL_DATA")
    if place is None:
        return {}
    files = sorted(path for path in Path(place).rglob("*.jsonl") if path.is_file())
    return {str(f): [f.stat().st_size, f.stat().st_mtime_ns] for f in files}


@step(name="evaluate guard", task_run_name="evaluate {system} on {guard.task}")
def evaluate_guard(
    system: str,
    model_dir: Path,
    weights_digest: str,
    guard: HarnessTask,
    config: LifecycleConfig,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let local weights answer a guard task; the same weights are never asked twice.

    Raises:
        ConfigError, DataError: when the task or its data cannot be had.
    """
    inputs = {
        "model": weights_inputs(config, weights_digest),
        "guard": guard.model_dump(mode="json"),
        "files": _task_files(guard.task),
        "data": _data_stamp(),
        "lm_eval": version("lm_eval"),
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        settings = config.evaluation
        model = local_harness_model(
            model_dir, name=weights_digest, dtype=settings.dtype, batch_size=settings.batch_size
        )
        write_evaluation(evaluate_harness_task(model, guard, system=system), directory)
        return {}

    outcome = cache.run("evaluate-guard", inputs, work)
    return evaluated(outcome, f"{system} on {guard.task}")
