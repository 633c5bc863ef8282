"""Candidates x tasks, each cell evaluated once: cost is proportional to what changed.

Does: resolve, prepare, fan the cells out, and go on where one fails.
Does not: score (evals/), or wait for GPUs (the evaluation step takes its slot itself).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from prefect import Task
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.task_runners import ThreadPoolTaskRunner

from configs.baseline import LocalBaseline
from configs.errors import ConfigError, PawlError
from configs.evaluation_matrix import MatrixConfig, MatrixTask
from configs.gate_policy import Comparison, GateConfig
from configs.lifecycle import BaseModelConfig, LifecycleConfig, RegistryConfig
from configs.load import load_task
from configs.task import TaskConfig
from evals.scorers.registry import metrics_of
from flows.home import home, model_store
from flows.matrix_summary import MatrixCell, MatrixSummary, cell_scores, summarized
from flows.server_outages import once_the_server_answers
from flows.step_cache import StepCache, StepOutcome
from flows.steps.evaluate import evaluate_weights
from flows.steps.prepare import prepare
from flows.steps.resolve import ResolvedBase, resolve
from flows.steps.step_state import publish, result_of

Prepared = tuple[LifecycleConfig, TaskConfig, StepOutcome]
Made = TypeVar("Made")


def run_matrix(config: MatrixConfig) -> MatrixSummary:
    """Evaluate every cell, inside whatever flow calls it.

    A cell that fails, because of its weights, its task or itself, stops no other; it is named in the
    summary. Candidates of the same bytes share their cells.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    cache = StepCache(home() / "cache")
    failures: dict[str, str] = {}
    weights: dict[str, ResolvedBase] = {}
    columns: dict[str, Prepared] = {}
    for candidate in config.candidates:
        base = BaseModelConfig(source=candidate.source)
        found = _tried(resolve, (base,), f"candidate {candidate.name}", failures)
        if found is not None:
            weights[candidate.name] = found
    for column in config.tasks:
        made = _tried(_prepared, (config, column, cache), f"task {column.task}", failures)
        if made is not None:
            columns[column.task] = made
    evaluated = _fan_out(config, weights, columns, cache)
    cells = []
    for candidate in config.candidates:
        for column in config.tasks:
            names = {"candidate": candidate.name, "task": column.task}
            why = failures.get(f"candidate {candidate.name}") or failures.get(f"task {column.task}")
            outcome = why or evaluated[weights[candidate.name].digest, column.task]
            cells.append(_cell(names, outcome))
    summary = summarized(config, cells, model_store())
    key = f"matrix-{config.name}"
    publish(key, summary.markdown, "Scores by candidate and task")
    scores, described = cell_scores(cells), "Scores by candidate, task and metric"
    once_the_server_answers(
        lambda: create_table_artifact(scores, key=f"{key}-table", description=described)
    )
    get_run_logger().info("matrix %s: %s", config.name, summary.sentence)
    return summary


def _tried(
    make: Callable[..., Made], arguments: tuple[Any, ...], name: str, failures: dict[str, str]
) -> Made | None:
    """What `make` returns; None, with the reason noted under `name`, if it fails as expected."""
    try:
        made: Made = result_of(make(*arguments))
    except PawlError as error:
        failures[name] = str(error)
        return None
    return made


def _prepared(config: MatrixConfig, column: MatrixTask, cache: StepCache) -> Prepared:
    task = load_task(column.task)
    data = column.data or task.data
    if data is None:
        raise ConfigError(
            f"matrix {config.name}: task {column.task}",
            "expected data, because the task names none of its own, got none",
            "Write `data` beside the task.",
        )
    # The steps are those of a lifecycle. They read its data, seed and evaluation settings; the rest is
    # what a lifecycle must have, and nothing is gated or registered.
    source = config.candidates[0].source
    metric = metrics_of(task)[0].name
    settings = LifecycleConfig(
        name=config.name,
        seed=config.seed,
        base_model=BaseModelConfig(source=source),
        data=data,
        skip_bad_rows=config.skip_bad_rows,
        task=column.task,
        baseline=LocalBaseline(kind="local", source=source),
        evaluation=config.evaluation,
        gate=GateConfig(comparisons=(Comparison(metric=metric, margin=0.05),)),
        registry=RegistryConfig(model_name=config.name),
    )
    return settings, task, result_of(prepare(settings, task, cache))


def _fan_out(
    config: MatrixConfig,
    weights: Mapping[str, ResolvedBase],
    columns: Mapping[str, Prepared],
    cache: StepCache,
) -> dict[tuple[str, str], StepOutcome | str]:
    """Outcome, or why it failed, by digest of the weights and task."""
    # Candidates of the same bytes are asked once, under the first one's name.
    first = {found.digest: name for name, found in reversed(list(weights.items()))}
    ask: Task[..., Any] = evaluate_weights  # type: ignore[assignment]
    workers: ThreadPoolTaskRunner[Any] = ThreadPoolTaskRunner(max_workers=config.parallel)
    with workers as runner:
        asked = {
            (digest, task_name): runner.submit(
                ask,
                {
                    "system": f"{name} on {task_name}",
                    "model_dir": weights[name].directory,
                    "weights_digest": digest,
                    "config": settings,
                    "task_config": task,
                    "prepared": prepared,
                    "cache": cache,
                },
            )
            for digest, name in first.items()
            for task_name, (settings, task, prepared) in columns.items()
        }
        found: dict[tuple[str, str], StepOutcome | str] = {}
        for cell, future in asked.items():
            future.wait()
            found[cell] = _outcome_of(future.state)
    return found


def _outcome_of(state: State[Any]) -> StepOutcome | str:
    result = state.result(raise_on_failure=False)
    if isinstance(result, StepOutcome):
        return result
    if isinstance(result, PawlError):
        return str(result)
    return f"{type(result).__name__}: {result}"


def _cell(names: Mapping[str, str], outcome: StepOutcome | str) -> MatrixCell:
    if isinstance(outcome, str):
        return MatrixCell(**names, outcome="failed", error=outcome)
    return MatrixCell(
        **names,
        outcome="reused" if outcome.reused else "done",
        seconds=outcome.seconds,
        digest=outcome.digest,
        files=outcome.files,
    )
