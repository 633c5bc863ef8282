"""Runs that will not go on, whatever their state says.

Does: tell them; mark as crashed one that a worker took and that never began, because nothing else does:
it has no heartbeat that could stop. Does not: touch a run that began.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun


def read_run(client: SyncPrefectClient, run_id: str) -> FlowRun | None:
    """A flow run; None if Prefect has none of this id."""
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_flow_run(UUID(run_id))
    except (ObjectNotFound, ValueError):
        return None


def server_now(client: SyncPrefectClient) -> datetime:
    """Now, by the clock of the Prefect server, which dates all states."""
    told = client.request("GET", "/health").headers.get("date")
    return parsedate_to_datetime(told) if told else datetime.now(UTC)


def never_began(state: Any, now: datetime, limit_s: float) -> bool:
    """Whether a run has been with a worker for too long without beginning.

    Args:
        state: of the run.
        now: by the clock that dated the state.
        limit_s: how long fetching an image and finding a machine may take, in seconds.
    """
    from prefect.client.schemas.objects import StateType

    pending: bool = state is not None and state.type == StateType.PENDING
    return pending and now - state.timestamp > timedelta(seconds=limit_s)


def is_lost(client: SyncPrefectClient, run: FlowRun, pending_limit_s: float) -> bool:
    """Whether a run crashed, or never began; the latter is marked as crashed, for then a claim that it
    holds can be taken over."""
    from prefect.states import Crashed

    if run.state is None:
        return False
    if run.state.is_crashed():
        return True
    if not run.state.is_pending() or not never_began(
        run.state, server_now(client), pending_limit_s
    ):
        return False
    message = f"A worker took it more than {pending_limit_s:.0f} s ago, and it never began."
    client.set_flow_run_state(run.id, Crashed(message=message), force=True)
    return True
