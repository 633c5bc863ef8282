import secrets
import uuid

import pytest

from flows.re_evaluation.once import in_other_hands
from registry.claims import claim, holder_of


@pytest.fixture
def key():
    return f"re-evaluate/{secrets.token_hex(4)}/notes"


def test_who_comes_first_has_it_and_keeps_it_when_resumed(workplace, on_prefect, key):
    run = str(uuid.uuid4())
    assert in_other_hands(workplace.store, key, run) is None
    assert in_other_hands(workplace.store, key, run) is None


@pytest.mark.parametrize(
    "state", ["SCHEDULED", "PENDING", "RUNNING", "PAUSED", "CANCELLING", "COMPLETED"]
)
def test_what_another_run_does_or_did_is_left_to_it(workplace, run_in_state, key, state):
    holder = run_in_state(state)
    claim(workplace.store, key, holder)
    told = in_other_hands(workplace.store, key, str(uuid.uuid4()))
    assert holder in told and told.endswith(f"which is {state.lower()}")
    assert holder_of(workplace.store, key) == holder


@pytest.mark.parametrize("state", ["FAILED", "CRASHED", "CANCELLED"])
def test_what_came_to_nothing_is_taken_over(workplace, run_in_state, key, state):
    claim(workplace.store, key, run_in_state(state))
    heir = str(uuid.uuid4())
    assert in_other_hands(workplace.store, key, heir) is None
    assert holder_of(workplace.store, key) == heir


def test_a_run_that_prefect_does_not_know_any_more_holds_nothing(workplace, on_prefect, key):
    claim(workplace.store, key, str(uuid.uuid4()))
    assert in_other_hands(workplace.store, key, str(uuid.uuid4())) is None


def test_what_another_program_holds_is_left_to_it(workplace, on_prefect, key):
    claim(workplace.store, key, "by hand")
    assert "of another program (by hand)" in in_other_hands(workplace.store, key, str(uuid.uuid4()))
