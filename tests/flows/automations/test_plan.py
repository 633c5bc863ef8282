"""What is to change on a server, as a function of what is declared and what is there."""

from uuid import uuid4

from prefect.events.schemas.automations import Automation, AutomationCore

from flows.automations.declared import MARK
from flows.automations.plan import planned_changes


def core(name="Pawl: a", expect=("x.y", "x.z"), **more):
    content = {
        "name": name, "tags": [MARK], "actions": [{"type": "do-nothing"}],
        "trigger": {"type": "event", "posture": "Reactive", "expect": list(expect)},
    }  # fmt: skip
    return AutomationCore.model_validate(content | more)


def there(automation, **more):
    return Automation.model_validate({**automation.model_dump(), "id": uuid4(), **more})


def kinds(changes):
    return [(change.kind, change.name) for change in changes]


def test_nothing_there_is_all_to_be_created():
    assert kinds(planned_changes([core()], {}, [])) == [("created", "Pawl: a")]


def test_the_same_in_another_order_is_unchanged():
    existing = there(core(expect=("x.z", "x.y")))

    [change] = planned_changes([core()], {}, [existing])

    assert (change.kind, change.wanted) == ("unchanged", None)


def test_what_a_person_paused_stays_paused_through_an_update():
    existing = there(core(expect=("old",)), enabled=False)

    [change] = planned_changes([core()], {}, [existing])

    assert (change.kind, change.automation_id) == ("updated", existing.id)
    assert change.wanted.enabled is False
    assert "paused" in change.why


def test_of_two_with_one_name_the_second_goes():
    first, second = there(core()), there(core())

    changes = planned_changes([core()], {}, [first, second])

    assert [(c.kind, c.automation_id) for c in changes] == [
        ("unchanged", first.id),
        ("removed", second.id),
    ]


def test_one_of_the_same_name_that_is_not_ours_is_left_and_named():
    [change] = planned_changes([core()], {}, [there(core(expect=("mine",), tags=["team"]))])

    assert (change.kind, change.automation_id) == ("skipped", None)
    assert "rename or delete it" in change.why


def test_ours_that_are_no_longer_declared_go_and_skipped_ones_stay():
    retired, waiting = there(core("Pawl: old")), there(core("Pawl: waiting"))
    foreign = there(core("mine")), there(core("Pawl: mine", tags=[]))

    changes = planned_changes([], {"Pawl: waiting": "why"}, [retired, waiting, *foreign])

    assert kinds(changes) == [("skipped", "Pawl: waiting"), ("removed", "Pawl: old")]
