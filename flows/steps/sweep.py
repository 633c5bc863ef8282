"""The trials of a sweep, one after the other or several at once; one that fails stops no other."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import Any, cast

from prefect import Task
from prefect.client.schemas.objects import State
from prefect.futures import PrefectFuture
from prefect.logging import get_run_logger
from prefect.states import Crashed
from prefect.task_runners import ProcessPoolTaskRunner

from configs.errors import TrainingError
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
    states = _in_processes(calls, max_parallel)
    # A process that is killed, for want of memory perhaps, breaks the trials of all the others.
    # Each is tried again with nobody beside it, from the steps that it had finished.
    return [
        state if state is not None else _alone(call)
        for call, state in zip(calls, states, strict=True)
    ]


def _alone(call: dict[str, Any]) -> State[Any]:
    [state] = _in_processes([call], 1)
    return state if state is not None else Crashed(data=_killed(call["trial"]))


def _killed(trial: Trial) -> TrainingError:
    return TrainingError(
        f"trial {trial.number}",
        "expected a result, but its process was killed, as happens when memory runs out",
        "Give it more memory, or lower max_parallel or lora.batch_size.",
    )


def _in_processes(calls: Sequence[dict[str, Any]], max_parallel: int) -> list[State[Any] | None]:
    """State of every trial; None for those that the end of a process broke."""
    trial_task = cast(Task[Any, TrialResult], run_trial)
    begin = partial(_begin_process, os.getpid())
    with ProcessPoolTaskRunner(max_parallel, initializer=begin) as runner:
        try:
            futures = [runner.submit(trial_task, call) for call in calls]
            return [_state_of(future) for future in futures]
        except BaseException:
            # Prefect waits for what its processes are at, which may be hours of training.
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _state_of(future: PrefectFuture[Any]) -> State[Any] | None:
    try:
        future.wait()
    except BrokenProcessPool:
        return None
    return future.state


def _begin_process(parent: int) -> None:
    """Trials must not go on when the run that asked for them is gone."""
    end_without(parent)
    quiet_libraries()
