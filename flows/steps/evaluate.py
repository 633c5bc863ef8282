"""Step 5: every candidate and the baseline answer the same rows; every raw output is kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.baseline import LocalBaseline, RecordedBaseline
from configs.lifecycle import CHANGES_NO_ANSWER, LifecycleConfig
from configs.task import TaskConfig
from evals.engines.completion import Engine
from evals.engines.recorded import RecordedEngine
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.judge.columns import Role
from evals.judge.scorer import judged
from evals.report.tables import score_table
from evals.runner import evaluate
from flows.baseline_recording import banked_endpoint, refuse_expired_endpoint
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.progress import ProgressReporter, recording_facts
from flows.step_cache import StepCache, StepOutcome
from flows.steps.engines import asked_model, recording_path, weights_engine
from flows.steps.judging import judge_scorer, judging_inputs, write_judge_report
from flows.steps.prepare import read_split, split_digest
from flows.steps.resolve import fetch
from flows.steps.step_state import progress_reporter, publish, step, step_state
from registry.digests import digest_directory, digest_file


def load_evaluation(outcome: StepOutcome, system: str) -> Evaluation:
    """The per-example results that an evaluation step stored."""
    return read_evaluation(outcome.files, system)


def test_rows(prepared: StepOutcome, task_config: TaskConfig) -> list[dict[str, Any]]:
    """Rows to evaluate on."""
    return [row.as_dict() for row in read_split(prepared, "test", task_config)]


def weights_inputs(config: LifecycleConfig, weights_digest: str) -> dict[str, Any]:
    """What answers of local weights depend on, besides the task."""
    settings = config.evaluation.model_dump(mode="json", exclude=set(CHANGES_NO_ANSWER))
    return {"weights": weights_digest, "settings": settings}


@step(name="evaluate", task_run_name="evaluate {system}")
def evaluate_weights(
    system: str,
    model_dir: Path,
    weights_digest: str,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let local weights answer the test rows; the same weights are never asked twice."""
    return _evaluate_local(
        system, model_dir, weights_digest, config, task_config, prepared, cache, "candidate"
    )


@step(name="evaluate", task_run_name="evaluate baseline ({config.baseline.kind})")
def evaluate_baseline(
    config: LifecycleConfig, task_config: TaskConfig, prepared: StepOutcome, cache: StepCache
) -> State[Any] | StepOutcome:
    """Let the baseline answer the test rows, once: its answers are kept by digest.

    Answers of an endpoint also stay in the bank, so that no row is ever paid for twice.

    Raises:
        EngineError: when an endpoint stays unreachable or refuses, a recording does not match, or
            banked answers are too old.
    """
    baseline = config.baseline
    if isinstance(baseline, LocalBaseline):
        directory = fetch(baseline.source)
        digest = digest_directory(directory).digest
        return _evaluate_local(
            "baseline", directory, digest, config, task_config, prepared, cache, "reference"
        )
    model = asked_model(baseline)
    if isinstance(baseline, RecordedBaseline):
        path = recording_path(baseline.path)
        model["recording"] = digest_file(path) if path.is_file() else None

        def engine(shown: ProgressReporter) -> Engine:
            return RecordedEngine(path, baseline.model)

    else:
        refuse_expired_endpoint(baseline, task_config)

        def engine(shown: ProgressReporter) -> Engine:
            digest = split_digest(prepared, "test")
            told = recording_facts(shown, baseline.price)
            return banked_endpoint(baseline, task_config, digest, told)

    return _evaluate("baseline", model, engine, config, task_config, prepared, cache, "reference")


def _evaluate_local(
    system: str,
    model_dir: Path,
    weights_digest: str,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
    role: Role,
) -> State[Any] | StepOutcome:
    def engine(shown: ProgressReporter) -> Engine:
        return weights_engine(model_dir, weights_digest, config.evaluation)

    model = weights_inputs(config, weights_digest)
    return _evaluate(system, model, engine, config, task_config, prepared, cache, role)


def _evaluate(
    system: str,
    model: dict[str, Any],
    make_engine: Callable[[ProgressReporter], Engine],
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
    role: Role,
) -> State[Any] | StepOutcome:
    inputs = {
        "model": model,
        "test": split_digest(prepared, "test"),
        "task": task_config.model_dump(mode="json"),
        "judge": judging_inputs(config.judge, config.evaluation),
        "role": role if config.judge else None,
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        rows = test_rows(prepared, task_config)
        shown = progress_reporter(f"Evaluating {system}")
        evaluation = evaluate(
            make_engine(shown),
            task_config,
            rows,
            system=system,
            data_digest=split_digest(prepared, "test"),
            on_progress=shown,
        )
        if config.judge is not None:
            scorer = judge_scorer(config.judge, config.evaluation, role)
            evaluation = judged(evaluation, rows, scorer)
            write_judge_report(scorer, evaluation, directory)
        write_evaluation(evaluation, directory)
        return {}

    judged_here = config.judge is not None and config.judge.model.kind == "local"
    uses_gpu = "weights" in model or judged_here
    outcome = cache.run("evaluate", inputs, on_gpu(work) if uses_gpu else work)
    return evaluated(outcome, system)


def evaluated(outcome: StepOutcome, system: str) -> State[Any] | StepOutcome:
    """Publish the scores of an evaluation and say that it is done."""
    outcome = outcome.model_copy(update={"step": f"evaluate {system}"})
    evaluation = load_evaluation(outcome, system)
    table = score_table({system: evaluation})
    publish(f"evaluate-{system}", f"## Scores of {system}\n\n{table}", f"Scores of {system}")
    return step_state(outcome, f"{evaluation.rows} rows")
