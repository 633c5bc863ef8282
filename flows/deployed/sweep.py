"""Try settings on validation rows and gate the best, from a form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect import flow
from prefect.states import Completed
from pydantic import BaseModel

from configs.load import load_task
from evals.scorers.registry import metrics_of
from flows.deployed.outcome import completed
from flows.home import home
from flows.lifecycle import run_lifecycle
from flows.lifecycle_summary import LifecycleSummary
from flows.requester import requester
from flows.requests.sweep import SweepRequest, sweep_of
from flows.sole_process import sole_process_of_this_run
from flows.step_cache import StepCache
from flows.steps.critical_labels import require_critical_labels, require_policy_names
from flows.steps.data_checks import check_prepared_data
from flows.steps.evaluate import evaluate_baseline
from flows.steps.preflight import preflight
from flows.steps.prepare import prepare
from flows.steps.readability import check_readable
from flows.steps.step_state import result_of
from flows.steps.sweep import run_trials
from flows.steps.sweep_plan import (
    FailedTrial,
    TrialResult,
    best_lifecycle,
    choose_best,
    plan_trials,
)
from flows.steps.sweep_report import report_sweep


class SweepSummary(BaseModel):
    """Result of the flow `sweep`."""

    sweep: str
    scored: list[TrialResult]
    failed: list[FailedTrial]
    best: TrialResult
    report: Path
    """Directory of trials.json, report.md and axes.png."""
    lifecycle: LifecycleSummary | None
    """What became of the best trial; None if it was not to go to the gate."""


@flow(name="sweep", flow_run_name="sweep {request.sweep}", persist_result=False)
def sweep(request: SweepRequest) -> Any:
    """Score trials on validation rows; take the best through the whole lifecycle, once.

    Args:
        request: which sweep, and what differs from its file.
    """
    with sole_process_of_this_run():
        return run_sweep(request)


def run_sweep(request: SweepRequest) -> Any:
    """The trials of a sweep and what follows them, inside the flow run that calls it.

    Args:
        request: as of `sweep`.
    """
    declared, lifecycle = sweep_of(request)
    if request.gate_the_best:
        # Before anything is computed: a run that nobody could approve would make it worthless.
        requester(lifecycle, request.requested_by)
    trials = plan_trials(declared, lifecycle)
    task = load_task(lifecycle.task)
    if request.gate_the_best:
        require_policy_names(lifecycle, task)
    cache = StepCache(home() / "cache")

    data = result_of(prepare(lifecycle, task, cache))
    check_prepared_data(lifecycle.data_checks, task, data, cache)
    if request.gate_the_best:
        # Before training: a baseline that cannot answer, or too few documents, would make it worthless.
        require_critical_labels(lifecycle, task, data)
        baseline = result_of(evaluate_baseline(lifecycle, task, data, cache))
        check_readable("baseline", lifecycle, task, baseline)
        preflight(lifecycle, baseline)
    scored, failed = run_trials(
        declared.name, trials, lifecycle, task, data, cache, declared.max_parallel
    )
    metric = metrics_of(task)[0]
    best = choose_best(declared, scored, failed, metric)
    report = result_of(report_sweep(declared, metric, scored, failed, best, cache))

    summary = SweepSummary(
        sweep=declared.name,
        scored=scored,
        failed=failed,
        best=best,
        report=report.files,
        lifecycle=None,
    )
    if not request.gate_the_best:
        return Completed(message=f"best of {len(scored)}: trial {best.trial.number}", data=summary)
    chosen = best_lifecycle(declared, lifecycle, best.trial, len(scored))
    gated = run_lifecycle(chosen, request.requested_by)
    return completed(gated, summary.model_copy(update={"lifecycle": gated}))
