"""The trials of a sweep, one after the other or several at once; one that fails stops no other."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.task_runners import ProcessPoolTaskRunner

from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from finetune.training_process import end_without
from flows.home import quiet_libraries
from flows.step_cache import StepCache, StepOutcome
from flows.steps.sweep_plan import FailedTrial, Trial, TrialResult
from flows.steps.sweep_trial import run_trial


def run_trials(
    sweep_name: str,
    trials: Sequence[Trial],
    lifecycle: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    cache: StepCache,
    max_parallel: int,
) -> tuple[list[TrialResult], list[FailedTrial]]:
    """Run every trial inside the flow that calls this.

    Args:
        max_parallel: trials at once. With more than one each runs in a process of its own, because
            seeds and CUDA contexts belong to processes.
    Returns:
        Trials with a score and those without, each in the order planned.
    """
    calls = [
        {
            "sweep_name": sweep_name,
            "trial": trial,
            "lifecycle": lifecycle,
            "task_config": task_config,
            "prepared": prepared,
            "cache": cache,
        }
        for trial in trials
    ]
    states = _in_turn(calls) if max_parallel == 1 else _at_once(calls, max_parallel)
    scored: list[TrialResult] = []
    failed: list[FailedTrial] = []
    for trial, state in zip(trials, states, strict=True):
        if state.is_completed():
            scored.append(state.result())
            continue
        problem = str(state.result(raise_on_failure=False))
        get_run_logger().error("trial %d failed: %s", trial.number, problem)
        failed.append(FailedTrial(trial=trial, problem=problem))
    return scored, failed


def _in_turn(calls: Sequence[dict[str, Any]]) -> list[State[Any]]:
    return [run_trial(**call, return_state=True) for call in calls]


def _at_once(calls: Sequence[dict[str, Any]], max_parallel: int) -> list[State[Any]]:
    trial_task = cast(Task[Any, TrialResult], run_trial)
    begin = partial(_begin_process, os.getpid())
    with ProcessPoolTaskRunner(max_parallel, initializer=begin) as runner:
        futures = [runner.submit(trial_task, call) for call in calls]
        for future in futures:
            future.wait()
        return [future.state for future in futures]


def _begin_process(parent: int) -> None:
    """Trials must not go on when the run that asked for them is gone."""
    end_without(parent)
    quiet_libraries()
