"""Step 5: every candidate and the baseline answer the same rows; every raw output is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.lifecycle import (
    Baseline,
    EndpointBaseline,
    EvaluationConfig,
    LocalBaseline,
    RecordedBaseline,
)
from configs.load import SHIPPED
from configs.task import TaskConfig
from evals.engines.completion import Engine
from evals.engines.endpoint import EndpointEngine
from evals.engines.local import LocalEngine
from evals.engines.recorded import RecordedEngine
from evals.evaluation import Evaluation, read_evaluation, write_evaluation
from evals.report import score_table
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


def load_evaluation(outcome: StepOutcome) -> Evaluation:
    """The per-example results that an evaluation step stored."""
    return read_evaluation(outcome.files)


@step(name="evaluate", task_run_name="evaluate {candidate}")
def evaluate_candidate(
    candidate: str,
    model_dir: Path,
    weights_digest: str,
    settings: EvaluationConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let local weights answer the test rows."""
    model = {"weights": weights_digest, "settings": settings.model_dump(mode="json")}
    return _evaluate(
        candidate,
        model,
        lambda: LocalEngine(model_dir, candidate, settings.batch_size, settings.dtype),
        task_config,
        prepared,
        cache,
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
    model: dict[str, Any] = baseline.model_dump(mode="json")
    if isinstance(baseline, RecordedBaseline):
        path = recording_path(baseline.path)
        model["recording"] = digest_file(path) if path.is_file() else None

        def engine() -> Engine:
            return RecordedEngine(path, baseline.model)

    elif isinstance(baseline, EndpointBaseline):

        def engine() -> Engine:
            return EndpointEngine(
                base_url=baseline.base_url, model=baseline.model,
                api_key=os.environ.get(baseline.api_key_env),
                max_concurrency=baseline.max_concurrency, timeout_s=baseline.timeout_s,
                max_attempts=baseline.max_attempts,
            )  # fmt: skip

    else:
        engine = _local_baseline(baseline, settings, model)
    return _evaluate("baseline", model, engine, task_config, prepared, cache)


def _local_baseline(baseline: LocalBaseline, settings: EvaluationConfig, model: dict[str, Any]):  # type: ignore[no-untyped-def]
    directory = fetch(baseline.source)
    model["weights"] = digest_directory(directory).digest
    model["settings"] = settings.model_dump(mode="json")
    return lambda: LocalEngine(directory, "baseline", settings.batch_size, settings.dtype)


def _evaluate(  # type: ignore[no-untyped-def]
    system: str,
    model: dict[str, Any],
    make_engine,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    inputs = {
        "system": system, "model": model, "test": split_digest(prepared, "test"),
        "task": task_config.model_dump(mode="json"), "code": code_version("evals"),
    }  # fmt: skip

    def work(directory: Path) -> dict[str, Any]:
        rows = [row.as_dict() for row in read_split(prepared, "test", task_config)]
        evaluation = evaluate(
            make_engine(), task_config, rows, system=system,
            data_digest=split_digest(prepared, "test"),
            on_progress=progress_reporter(f"Evaluating {system}"),
        )  # fmt: skip
        write_evaluation(evaluation, directory)
        return {}

    outcome = cache.run(f"evaluate-{system}", inputs, work)
    evaluation = load_evaluation(outcome)
    table = score_table({system: evaluation})
    publish(f"evaluate-{system}", f"## Scores of {system}\n\n{table}", f"Scores of {system}")
    return step_state(outcome, f"{len(evaluation.frame)} rows")
