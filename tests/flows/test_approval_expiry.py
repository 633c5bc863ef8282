"""What schedules a waiting run again, and what must not be woken by it."""

import pytest
from prefect.server.events.schemas.automations import EventTrigger

from flows.approval_expiry import RESUMING, SHORTEST_S, expiry_automation

RUN = "0c8c2f35-6f0e-4b1c-9c55-5a4e0c6a2b11"


def trigger(seconds=3600.0):
    found = expiry_automation(RUN, seconds).trigger.model_dump(mode="json")
    return EventTrigger.model_validate(found | {"type": "event"})


@pytest.mark.parametrize(
    "state", [RESUMING, "Running", "Cancelling", "Cancelled", "Failed", "Crashed", "Completed"]
)
def test_a_run_that_no_longer_waits_is_left_alone(state):
    assert trigger().expects(f"prefect.flow-run.{state}")


def test_its_own_suspension_begins_the_time_and_does_not_end_it():
    assert trigger().starts_after("prefect.flow-run.Suspended")
    assert not trigger().expects("prefect.flow-run.Suspended")


def test_a_time_that_is_nearly_over_is_as_long_as_prefect_takes():
    assert trigger(0.5).within.total_seconds() == SHORTEST_S
