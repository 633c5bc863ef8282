"""Make a registered version champion, from a form."""

from __future__ import annotations

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.states import Completed

from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import model_store
from flows.pawl_events import announce, promotion_event
from flows.requests.promote import PromoteRequest
from flows.steps.step_state import publish
from registry.promotion import promote_registered

hide_tracebacks_of_expected_failures()


@flow(
    name="promote",
    flow_run_name="promote {request.model} version {request.version}",
    persist_result=False,
)
def promote(request: PromoteRequest) -> State[Any]:
    """Make a version champion, if its own decision says so.

    Args:
        request: Which version, who and why.
    """
    done = promote_registered(
        model_store(),
        request.model,
        request.version,
        request.alias,
        request.requested_by,
        request.reason,
    )
    publish("promote", f"## {request.model}\n\n{done.summary}", "What happened in the registry")
    announce(promotion_event(done, request.requested_by, request.reason))
    return Completed(message=done.summary, data=done)
