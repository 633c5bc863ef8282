"""Restore the previous champion, from a form."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import model_store
from flows.pawl_events import announce, rollback_event
from flows.requests.rollback import RollbackRequest
from flows.steps.step_state import publish
from registry.promotion import rollback as restore_previous

hide_tracebacks_of_expected_failures()


@flow(name="rollback", flow_run_name="roll back {request.model}", persist_result=False)
def rollback(request: RollbackRequest) -> State[Any]:
    """Restore the champion before the present one, and record who did it and why.

    Args:
        request: Which model, who and why.
    """
    done = restore_previous(
        model_store(), request.model, request.alias, request.requested_by, request.reason
    )
    publish("rollback", f"## {request.model}\n\n{done.summary}", "What happened in the registry")
    announce(rollback_event(done, request.requested_by, request.reason))
    return Completed(message=done.summary, data=done)
