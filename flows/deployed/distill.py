"""Distil a big model into a small one, from a form."""

from __future__ import annotations

from typing import Any

from prefect import flow

from configs.load import load_task
from flows.deployed.outcome import completed
from flows.home import home
from flows.lifecycle import run_lifecycle
from flows.requester import requester
from flows.requests.distill import DistillRequest, distillation_of
from flows.sole_process import sole_process_of_this_run
from flows.step_cache import StepCache
from flows.steps.critical_labels import require_policy_names
from flows.steps.step_state import result_of
from flows.steps.teach import taught_lifecycle, teach


@flow(name="distill", flow_run_name="distill {request.distillation}", persist_result=False)
def distill(request: DistillRequest) -> Any:
    """Let a teacher answer documents that have no label; fine-tune, evaluate and gate a student.

    Args:
        request: which distillation, and what differs from its file.
    """
    distillation, student = distillation_of(request)
    # Before the teacher is paid: a run that nobody could approve would make its answers worthless.
    actor = requester(student, request.requested_by)
    task = load_task(student.task)
    require_policy_names(student, task)
    with sole_process_of_this_run():
        taught = result_of(teach(distillation, student, task, StepCache(home() / "cache")))
        return completed(run_lifecycle(taught_lifecycle(distillation, student, taught), actor))
