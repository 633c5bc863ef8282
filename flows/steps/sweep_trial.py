"""One trial of a sweep: fine-tune, and score on validation rows; the test set is not touched."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.canonical_json import digest_json
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.evaluation import write_evaluation
from evals.report.tables import score_table
from evals.runner import evaluate
from evals.stats.estimates import estimate
from finetune.weights import weight_bytes
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.home import model_store
from flows.step_cache import StepCache, StepOutcome
from flows.steps.engines import weights_engine
from flows.steps.evaluate import load_evaluation, weights_inputs
from flows.steps.fine_tune import fine_tune, merge
from flows.steps.prepare import read_split, split_digest
from flows.steps.quantize import quantize_candidate
from flows.steps.resolve import resolve
from flows.steps.step_state import progress_reporter, publish, result_of, step, step_state
from flows.steps.sweep_plan import Trial, TrialResult, quantization_of, trial_lifecycle


@step(name="trial", task_run_name="trial {trial.number} of {sweep_name}")
def run_trial(
    sweep_name: str,
    trial: Trial,
    lifecycle: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> TrialResult:
    """Fine-tune with the settings of a trial and score its candidate on the validation rows.

    The adapter is kept under the key that a whole lifecycle with these settings looks it up by.

    Raises:
        PawlError: of the step that could not go on.
    """
    config = trial_lifecycle(lifecycle, trial)
    base = result_of(resolve(config.base_model))
    adapter = result_of(fine_tune(config, task_config, base, prepared, cache))
    candidate = result_of(merge(task_config, base, adapter, prepared, cache))
    quantization = quantization_of(trial, lifecycle)
    if quantization is not None:
        candidate = result_of(
            quantize_candidate(quantization, task_config, candidate, prepared, config.seed, cache)
        )
    name = f"trial {trial.number}"
    scored = result_of(
        evaluate_on_validation(name, candidate, config, task_config, prepared, cache)
    )
    evaluation = load_evaluation(scored, name)
    metric = evaluation.metrics[0].name
    found = estimate(evaluation, metric)
    measured = {metric: found.value, f"{metric}.low": found.low, f"{metric}.high": found.high}
    seconds = adapter.seconds + scored.seconds
    return TrialResult(
        trial=trial,
        value=found.value,
        low=found.low,
        high=found.high,
        rows=found.rows,
        documents=found.clusters,
        seconds=seconds,
        weight_bytes=weight_bytes(candidate.files),
        trained_parameters=adapter.result["trainable_parameters"],
        mlflow_run_id=_recorded_run(
            sweep_name, trial, scored.digest, {**measured, "seconds": seconds}
        ),
    )


@step(name="evaluate on validation", task_run_name="evaluate {system} on validation rows")
def evaluate_on_validation(
    system: str,
    candidate: StepOutcome,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let local weights answer the validation rows; the same weights are never asked twice.

    Raises:
        EvidenceError: when validation rows lack what the task's scorers or clusters need.
    """
    # Scores by slice are for the gate's report; validation rows need not have these fields.
    asked = task_config.model_copy(update={"slices": ()})
    inputs = {
        "model": weights_inputs(config, candidate.digest),
        "validation": split_digest(prepared, "validation"),
        "task": asked.model_dump(mode="json"),
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        rows = [row.as_dict() for row in read_split(prepared, "validation", task_config)]
        evaluation = evaluate(
            weights_engine(candidate.files, candidate.digest, config.evaluation),
            asked,
            rows,
            system=system,
            data_digest=split_digest(prepared, "validation"),
            on_progress=progress_reporter(f"Evaluating {system} on validation rows"),
        )
        write_evaluation(evaluation, directory)
        return {}

    outcome = cache.run("evaluate-validation", inputs, on_gpu(work))
    outcome = outcome.model_copy(update={"step": f"evaluate {system} on validation"})
    evaluation = load_evaluation(outcome, system)
    publish(
        "evaluate-validation",
        f"## {system} on validation rows\n\n{score_table({system: evaluation})}",
        "Scores on validation rows",
    )
    return step_state(outcome, f"{evaluation.rows} rows")


def _recorded_run(
    sweep_name: str, trial: Trial, evaluation_digest: str, metrics: dict[str, float]
) -> str:
    """Id of the trial's MLflow run; one that a former attempt began is gone on with."""
    store = model_store()
    settings = {**trial.settings, "alpha": trial.lora.alpha}
    key = digest_json([sweep_name, settings, evaluation_digest])
    run_id = store.tagged_run("pawl.trial", key)
    if run_id is None:
        tags = {"pawl.step": "trial", "pawl.sweep": sweep_name, "pawl.trial": key}
        run_id = store.start_run(f"{sweep_name} trial {trial.number}", tags)
    if not store.logged_steps(run_id, next(iter(metrics))):
        store.log_params(run_id, settings)
        store.log_metrics(run_id, metrics, 0)
        store.end_run(run_id, "FINISHED")
    return run_id
