"""Fine-tune with settings from a form, and let the gate decide about the result."""

from __future__ import annotations

from prefect import flow

from flows.lifecycle import run_lifecycle
from flows.lifecycle_summary import LifecycleSummary
from flows.requests.fine_tune import FineTuneRequest, fine_tuning_of


@flow(name="fine-tune", flow_run_name="fine-tune {request.lifecycle}", persist_result=False)
def fine_tune(request: FineTuneRequest) -> LifecycleSummary:
    """Train an adapter with the settings of the form; quantize, evaluate, gate, promote and pin.

    Args:
        request: which lifecycle's data and gate, and how to train.
    """
    return run_lifecycle(fine_tuning_of(request), request.requested_by)
