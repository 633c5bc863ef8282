"""Step 5c: what a model could do before, asked through lm-evaluation-harness."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.harness import HarnessTask
from configs.lifecycle import LifecycleConfig
from evals.evaluation import write_evaluation
from evals.harness.evaluate import evaluate_harness_task
from evals.harness.models import local_harness_model
from evals.harness.task_files import task_files
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.step_cache import StepCache, StepOutcome
from flows.steps.evaluate import evaluated, weights_inputs
from flows.steps.step_state import step
from registry.digests import digest_file


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
        "files": [digest_file(path) for path in task_files(guard.task)],
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

    outcome = cache.run("evaluate-guard", inputs, on_gpu(work))
    return evaluated(outcome, f"{system} on {guard.task}")
