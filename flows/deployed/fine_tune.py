"""Fine-tune with settings from a form, and let the gate decide about the result."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from flows.deployed.outcome import completed
from flows.lifecycle import run_lifecycle
from flows.requests.fine_tune import FineTuneRequest, fine_tuning_of


@flow(name="fine-tune", flow_run_name="fine-tune {request.lifecycle}", persist_result=False)
def fine_tune(request: FineTuneRequest) -> State[Any]:
    """Train an adapter with the settings of the form; quantize, evaluate, gate, promote and pin.

    Args:
        request: Which lifecycle's data and gate, and how to train.
    """
    return completed(run_lifecycle(fine_tuning_of(request), request.requested_by))
