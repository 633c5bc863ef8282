"""Run a lifecycle from its form."""

from __future__ import annotations

from prefect import flow

from flows.lifecycle import run_lifecycle
from flows.lifecycle_summary import LifecycleSummary
from flows.requests.lifecycle import LifecycleRequest, lifecycle_of


@flow(name="lifecycle", flow_run_name="lifecycle {request.lifecycle}", persist_result=False)
def lifecycle(request: LifecycleRequest) -> LifecycleSummary:
    """Fine-tune, quantize, evaluate, gate, promote and pin one small model, as its file declares.

    Args:
        request: which lifecycle, and what differs from its file.
    """
    return run_lifecycle(lifecycle_of(request), request.requested_by)
