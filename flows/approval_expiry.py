"""What makes a run that waits for people go on without their answer.

A suspended run has no process that could look at the clock, and when Prefect's own timeout is over
it marks the run as failed. So a proactive automation of the run's own, made before it suspends,
schedules it again when the time for approval is over; it then finds out how things stand, and ends.

Does: make and remove that automation; schedule a waiting run at once. Does not: decide anything
about approval, or fail a run: without the automation, only the run's end is less friendly.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import UUID

from configs.errors import PrefectError
from flows.prefect_api import prefect_client

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

SHORTEST_S = 10
"""Prefect accepts no proactive trigger below this."""
RESUMING = "Resuming"
"""Prefect's own name of the state in which a suspended run is scheduled again."""
NO_LONGER_WAITING = (
    RESUMING, "Running", "Cancelling", "Cancelled", "Completed", "Failed", "Crashed",
)  # fmt: skip
"""States after a suspension. A run that somebody cancelled meanwhile must not be scheduled again, which
Prefect would allow."""

logger = logging.getLogger(__name__)


def expiry_automation(flow_run_id: str, seconds: float) -> AutomationCore:
    """The automation that schedules a run again unless it left its suspension by then.

    Args:
        flow_run_id: of the run that is about to suspend.
        seconds: after its suspension; taken as 10 if less.
    """
    from prefect.events.schemas.automations import AutomationCore

    return AutomationCore.model_validate(
        {
            "name": _name(flow_run_id),
            "description": "Made by a run that waits for approval, removed when it ends.",
            "tags": ["pawl-approval"],
            "trigger": {
                "type": "event",
                "posture": "Proactive",
                "match": {"prefect.resource.id": f"prefect.flow-run.{flow_run_id}"},
                "for_each": ["prefect.resource.id"],
                "after": ["prefect.flow-run.Suspended"],
                "expect": [f"prefect.flow-run.{state}" for state in NO_LONGER_WAITING],
                "threshold": 1,
                "within": max(seconds, SHORTEST_S),
            },
            "actions": [
                {
                    "type": "change-flow-run-state",
                    "state": "SCHEDULED",
                    "name": RESUMING,
                    "message": "The time for approval is over.",
                }
            ],
        }
    )


def end_wait_after(flow_run_id: str, seconds: float) -> None:
    """Have a run that is about to suspend scheduled again after a while, in place of earlier plans."""
    keep_waiting_no_more(flow_run_id)
    try:
        with prefect_client("planning the end of the wait for approval") as client:
            client.create_automation(expiry_automation(flow_run_id, seconds))
    except PrefectError as error:
        logger.warning("The run will not end by itself when approval expires: %s", error)


def keep_waiting_no_more(flow_run_id: str) -> None:
    """Remove the automations of a run that waits no longer."""
    try:
        with prefect_client("removing the end of the wait for approval") as client:
            for automation in client.read_automations_by_name(_name(flow_run_id)):
                client.delete_automation(automation.id)
    except PrefectError as error:
        logger.warning("An automation named %s may be left: %s", _name(flow_run_id), error)


def wake(flow_run_id: str) -> bool:
    """Schedule a run that waits for approval, so that it looks at the registry and ends.

    Returns:
        Whether it was waiting.
    Raises:
        PrefectError: when the server is unreachable or refuses.
    """
    from prefect.client.schemas.objects import StateType
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Scheduled

    with prefect_client("waking the run that waits for approval") as client:
        try:
            run = client.read_flow_run(UUID(flow_run_id))
        except ObjectNotFound:
            return False
        if run.state_type != StateType.PAUSED:
            return False
        client.set_flow_run_state(run.id, Scheduled(name=RESUMING))
        return True


def _name(flow_run_id: str) -> str:
    return f"End of the wait for approval of run {flow_run_id}"
