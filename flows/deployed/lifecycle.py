"""Run a lifecycle from its form."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.deployed.outcome import completed
from flows.lifecycle import run_lifecycle
from flows.requests.lifecycle import LifecycleRequest, lifecycle_of


@flow(name="lifecycle", flow_run_name="lifecycle {request.lifecycle}", persist_result=False)
def lifecycle(request: LifecycleRequest) -> State[Any]:
    """Fine-tune, quantize, evaluate, gate, promote and pin one small model, as its file declares.

    Args:
        request: Which lifecycle, and what differs from its file.
    """
    return completed(run_lifecycle(lifecycle_of(request), request.requested_by))
