"""Step 5: every candidate and the baseline answer the same rows; every raw output is kept."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.baseline import Baseline, EndpointBaseline, LocalBaseline, RecordedBaseline
from configs.lifecycle import EvaluationConfig
from configs.load import SHIPPED
from configs.task import TaskConfig
from evals.engines.completion import Engine
from evals.engines.endpoint import EndpointEngine
from evals.engines.local import LocalEngine
from evals.engines.recorded import RecordedEngine
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.report.tables import score_table
from evals.runner import evaluate
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.prepare import read_split, split_digest
from flows.steps.resolve import fetch
from flows.steps.step_state import progress_reporter, publish, step, step_state
from registry.digests import digest_directory, digest_file


def recording_path(path: str) -> Path:
    """File of recorded answers: a path, or `pawl://NAME` for one that ships with Pawl."""
    if path.startswith("pawl://"):
        return SHIPPED / "recorded" / f"{path.removeprefix('pawl://')}.jsonl"
    return Path(path)


def baseline_kind(baseline: Baseline) -> str:
    """What the baseline is, in words for a report."""
    if isinstance(baseline, RecordedBaseline):
        return f"recorded answers of {baseline.model}"
    if isinstance(baseline, EndpointBaseline):
        return f"live answers of {baseline.model} at {baseline.base_url}"
    return f"local weights {baseline.source}"


def load_evaluation(outcome: StepOutcome, system: str) -> Evaluation:
    """The per-example results that an evaluation step stored."""
    return read_evaluation(outcome.files, system)


@step(name="evaluate", task_run_name="evaluate {system}")
def evaluate_weights(
    system: str,
    model_dir: Path,
    weights_digest: str,
    settings: EvaluationConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let local weights answer the test rows; the same weights are never asked twice."""
    return _evaluate_local(
        system, model_dir, weights_digest, settings, task_config, prepared, cache
    )


@step(name="evaluate", task_run_name="evaluate baseline ({baseline.kind})")
def evaluate_baseline(
    baseline: Baseline,
    settings: EvaluationConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let the baseline answer the test rows, once: its answers are kept by digest.

    Raises:
        EngineError: when an endpoint stays unreachable or refuses, or a recording does not match.
    """
    if isinstance(baseline, LocalBaseline):
        directory = fetch(baseline.source)
        digest = digest_directory(directory).digest
        return _evaluate_local(
            "baseline", directory, digest, settings, task_config, prepared, cache
        )
    model: dict[str, Any] = baseline.model_dump(mode="json")
    if isinstance(baseline, RecordedBaseline):
        path = recording_path(baseline.path)
        model["recording"] = digest_file(path) if path.is_file() else None

        def engine() -> Engine:
            return RecordedEngine(path, baseline.model)

    else:

        def engine() -> Engine:
            return EndpointEngine(
                base_url=baseline.base_url,
                model=baseline.model,
                api_key=os.environ.get(baseline.api_key_env),
                max_concurrency=baseline.max_concurrency,
                timeout_s=baseline.timeout_s,
                max_attempts=baseline.max_attempts,
            )

    return _evaluate("baseline", model, engine, task_config, prepared, cache)


def _evaluate_local(
    system: str,
    model_dir: Path,
    weights_digest: str,
    settings: EvaluationConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    model = {"weights": weights_digest, "settings": settings.model_dump(mode="json")}

    def engine() -> Engine:
        return LocalEngine(model_dir, weights_digest, settings.batch_size, settings.dtype)

    return _evaluate(system, model, engine, task_config, prepared, cache)


def _evaluate(
    system: str,
    model: dict[str, Any],
    make_engine: Callable[[], Engine],
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    inputs = {
        "model": model,
        "test": split_digest(prepared, "test"),
        "task": task_config.model_dump(mode="json"),
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        rows = [row.as_dict() for row in read_split(prepared, "test", task_config)]
        evaluation = evaluate(
            make_engine(),
            task_config,
            rows,
            system=system,
            data_digest=split_digest(prepared, "test"),
            on_progress=progress_reporter(f"Evaluating {system}"),
        )
        write_evaluation(evaluation, directory)
        return {}

    outcome = cache.run("evaluate", inputs, work)
    outcome = outcome.model_copy(update={"step": f"evaluate {system}"})
    evaluation = load_evaluation(outcome, system)
    table = score_table({system: evaluation})
    publish(f"evaluate-{system}", f"## Scores of {system}\n\n{table}", f"Scores of {system}")
    return step_state(outcome, f"{evaluation.rows} rows")
