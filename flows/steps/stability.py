"""Step 5d: some rows are asked again, to learn whether the evaluations themselves are stable.

Does: ask local weights again in batches of another size, and an endpoint where that is wished for.
Does not: ask a recording, which cannot answer anew, or use an endpoint's banked answers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from configs.baseline import EndpointBaseline, LocalBaseline
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.engines.completion import Engine
from evals.report.stability import stability_line
from evals.stability import ask_and_compare
from evals.stability_files import read_stability, write_stability
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.step_cache import StepCache, StepOutcome
from flows.steps.engines import asked_model, endpoint_engine, weights_engine
from flows.steps.evaluate import load_evaluation, test_rows, weights_inputs
from flows.steps.prepare import split_digest
from flows.steps.resolve import fetch
from flows.steps.step_state import progress_reporter, result_of, step, step_state
from registry.digests import digest_directory


def systems_to_ask_again(config: LifecycleConfig, evaluations: dict[str, StepOutcome]) -> list[str]:
    """Systems that the gate looks at on the lifecycle's task: candidates and references."""
    compared = {r for rule in config.gate.comparisons if rule.task is None for r in rule.references}
    wanted = {*config.gated_candidates, *compared}
    if "unquantized" in compared:
        wanted.add("fine-tuned")
    return [name for name in evaluations if name in wanted]


def why_not_asked_again(config: LifecycleConfig, system: str) -> str | None:
    """Why a system is not asked again, in words for the report; None if it is."""
    settings, baseline = config.evaluation.stability, config.baseline
    if settings.rows == 0:
        return "because evaluation.stability.rows is 0"
    if system != "baseline" or isinstance(baseline, LocalBaseline):
        return None
    if not isinstance(baseline, EndpointBaseline):
        return "because recorded answers cannot be given anew"
    if not settings.endpoints:
        return (
            "because an endpoint's answers would be paid for a second time; "
            "evaluation.stability.endpoints allows it"
        )
    return None


def ask_all_again(
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    weights: dict[str, tuple[Path, str]],
    evaluations: dict[str, StepOutcome],
    cache: StepCache,
) -> dict[str, StepOutcome]:
    """Ask every system again that the gate looks at and that can be asked, by system.

    Raises:
        EngineError: when a system does not answer the second time; it is named.
    """
    return {
        name: result_of(
            ask_again(
                name, weights.get(name), evaluations[name], config, task_config, prepared, cache
            )
        )
        for name in systems_to_ask_again(config, evaluations)
        if why_not_asked_again(config, name) is None
    }


@step(name="ask again", task_run_name="ask {system} again")
def ask_again(
    system: str,
    weights: tuple[Path, str] | None,
    evaluation: StepOutcome,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let one system answer some rows a second time and compare; the same is never asked thrice.

    Args:
        weights: directory and digest; None for the baseline.
        evaluation: outcome of the first asking.
    Raises:
        EngineError: when any row stays unanswered.
    """
    settings, local = config.evaluation, True
    batch_sizes: tuple[int, int] | None = None
    if isinstance(config.baseline, EndpointBaseline) and weights is None:
        endpoint, local = config.baseline, False
        model = asked_model(endpoint)

        def engine() -> Engine:
            get_run_logger().warning(
                "asking %s again for up to %d rows: they are paid for a second time",
                endpoint.model, settings.stability.rows,
            )  # fmt: skip
            return endpoint_engine(endpoint)

    else:
        directory, digest = weights or _baseline_weights(config)
        second = settings.stability.second_batch_size(settings.batch_size)
        batch_sizes = (settings.batch_size, second)
        model = weights_inputs(config, digest)

        def engine() -> Engine:
            again = settings.model_copy(update={"batch_size": second})
            return weights_engine(directory, digest, again)

    inputs = {
        "model": model,
        "test": split_digest(prepared, "test"),
        "task": task_config.model_dump(mode="json"),
        "first": evaluation.digest,
        "rows": settings.stability.rows,
        "batch_sizes": batch_sizes,
        "seed": config.seed,
        "code": code_version("evals"),
    }
    work = _asking(system, engine, evaluation, config, task_config, prepared, batch_sizes)
    outcome = cache.run("ask-again", inputs, on_gpu(work) if local else work)
    outcome = outcome.model_copy(update={"step": f"ask {system} again"})
    found = read_stability(outcome.files)
    return step_state(outcome, stability_line(found))


def _asking(
    system: str,
    make_engine: Callable[[], Engine],
    evaluation: StepOutcome,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    batch_sizes: tuple[int, int] | None,
) -> Callable[[Path], dict[str, Any]]:
    def work(directory: Path) -> dict[str, Any]:
        again, found = ask_and_compare(
            make_engine(),
            task_config,
            test_rows(prepared, task_config),
            load_evaluation(evaluation, system),
            sample=config.evaluation.stability.rows,
            seed=config.seed,
            batch_sizes=batch_sizes,
            on_progress=progress_reporter(f"Asking {system} again"),
        )
        write_stability(directory, again, found)
        return {"changed": len(found.changed), "rows": found.rows, "seconds": found.seconds}

    return work


def _baseline_weights(config: LifecycleConfig) -> tuple[Path, str]:
    assert isinstance(config.baseline, LocalBaseline), "recordings are not asked again"
    directory = fetch(config.baseline.source)
    return directory, digest_directory(directory).digest
