"""Automations on a real Prefect server: applied as often as one likes."""

import time
from uuid import uuid4

import pytest
from prefect.events.schemas.automations import AutomationCore
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from configs.errors import PrefectError
from flows.automations.apply import apply_automations, existing_automations
from flows.automations.declared import MARK, declared_automations
from flows.doctor.ask_prefect import ask_prefect
from flows.prefect_api import prefect_client
from tests.flows.automations.conftest import await_condition, event_of
from tests.servers.processes import free_port


def kinds(changes):
    return {change.name: change.kind for change in changes}


def on_server():
    with prefect_client("test") as client:
        return existing_automations(client)


def test_what_cannot_work_yet_is_skipped_with_the_reason_and_left_as_it_is(
    connected, deployments_of_automations, receiver
):
    apply_automations(receiver.url)
    before = {automation.name: automation for automation in on_server()}
    with prefect_client("test") as client:
        block = client.read_block_document_by_name("pawl-notifications", "custom-webhook")
        client.delete_block_document(block.id)
    for deployment_id in deployments_of_automations.values():
        connected.request("DELETE", f"/deployments/{deployment_id}")

    why = {change.name: change.why for change in apply_automations() if change.kind == "skipped"}

    assert "re-evaluate/re-evaluate" in why["Pawl: re-evaluate released weights"]
    assert "PAWL_WEBHOOK_URL" in why["Pawl: a run failed"]
    after = {automation.name: automation for automation in on_server()}
    assert {name: after[name] for name in why} == {name: before[name] for name in why}


def test_applying_twice_changes_nothing_and_keeps_every_automation_once(
    connected, deployments_of_automations, receiver
):
    apply_automations(receiver.url)
    first = {automation.name: automation.id for automation in on_server()}

    again = apply_automations(receiver.url)

    assert set(kinds(again).values()) == {"unchanged"}
    assert {automation.name: automation.id for automation in on_server()} == first
    assert set(first) == {declared.name for declared in declared_automations()}


def test_doctor_sees_what_was_applied(connected, deployments_of_automations, receiver):
    apply_automations(receiver.url)

    found = {automation.name: automation for automation in ask_prefect().automations}

    assert found.keys() == {declared.name for declared in declared_automations()}
    released = found["Pawl: re-evaluate released weights"]
    assert released.runs_deployment and "model.weights.released" in released.events
    late = found["Pawl: a run waits for a worker"]
    assert late.proactive and late.within_s == 900 and late.enabled


def test_an_automation_that_differs_is_updated_in_place_and_stays_paused_if_a_person_paused_it(
    connected, deployments_of_automations, receiver
):
    apply_automations(receiver.url)
    before = {automation.name: automation for automation in on_server()}
    failed = before["Pawl: a run failed"]
    edited = failed.model_dump(exclude={"id", "owner_resource"})
    edited |= {"description": "edited", "enabled": False}
    with prefect_client("test") as client:
        client.update_automation(failed.id, AutomationCore.model_validate(edited))

    change = next(c for c in apply_automations(receiver.url) if c.name == failed.name)

    after = {automation.name: automation for automation in on_server()}
    assert change.kind == "updated" and "paused" in change.why
    assert after[failed.name].id == failed.id
    assert after[failed.name].description != "edited"
    assert not after[failed.name].enabled
    assert after.keys() == before.keys()
    with prefect_client("test") as client:
        client.resume_automation(failed.id)


def test_duplicates_and_retired_ones_are_removed_and_those_of_others_left_alone(
    connected, deployments_of_automations, receiver
):
    apply_automations(receiver.url)
    known = next(a for a in on_server() if a.name == "Pawl: re-evaluate released weights")
    core = AutomationCore.model_validate(known.model_dump(exclude={"id", "owner_resource"}))
    with prefect_client("test") as client:
        for name, tags in (
            (known.name, known.tags),
            ("Pawl: of an earlier version", [MARK]),
            ("Pawl: of a person", []),
            ("of a person", [MARK]),
        ):
            client.create_automation(core.model_copy(update={"name": name, "tags": tags}))

    changes = apply_automations(receiver.url)

    names = [automation.name for automation in on_server()]
    assert names.count(known.name) == 1
    assert "Pawl: of an earlier version" not in names
    assert {"Pawl: of a person", "of a person"} <= set(names)
    assert [c.kind for c in changes if c.name == known.name] in (
        ["unchanged", "removed"],
        ["removed", "unchanged"],
    )
    with prefect_client("test") as client:
        for automation in on_server():
            if automation.name in ("Pawl: of a person", "of a person"):
                client.delete_automation(automation.id)


def test_an_unreachable_server_is_one_clear_message():
    nowhere = f"http://127.0.0.1:{free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: nowhere, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(PrefectError, match=r"unreachable while applying.*PREFECT_API_URL"),
    ):
        apply_automations()


def test_a_release_starts_re_evaluate_with_the_parameters_that_its_event_carries(
    connected, deployments_of_automations, record_property
):
    deployment_id = deployments_of_automations["re-evaluate/re-evaluate"]
    apply_automations()
    request = {
        "model": None, "followed": "hf://org/name@main", "source": "hf://org/name@abc",
        "digest": "sha256:0a", "release_id": f"{uuid4()}", "reason": "weights",
        "requested_by": 'watch "quoted" <b>',
    }  # fmt: skip
    payload = {"request": request, "release": {"number": 4}}
    resource = {"prefect.resource.id": "pawl.weights.hf-org-name-main"}
    event = event_of("model.weights.released", resource, payload)
    started = time.monotonic()

    connected.request("POST", "/events", json=[event])
    connected.request("POST", "/events", json=[event])

    def runs():
        body = {"deployments": {"id": {"any_": [deployment_id]}}}
        return connected.request("POST", "/flow_runs/filter", json=body)

    [run] = await_condition(runs, "a run of re-evaluate")
    record_property("event_to_run_s", round(time.monotonic() - started, 2))
    assert run["parameters"] == {"request": request}
    assert len(runs()) == 1
