"""Messages about runs and models, from a real Prefect server to a real receiver."""

from uuid import uuid4

import pytest
from prefect import flow
from prefect.blocks.notifications import CustomWebhookNotificationBlock
from prefect.blocks.system import Secret
from prefect.runtime import flow_run

from configs.errors import PrefectError
from flows.automations.apply import apply_automations
from flows.automations.declared import Declared, declared_automations
from flows.pawl_events import announce, approval_event, gate_event, promotion_event, rollback_event
from registry.promotion import Promoted
from tests.flows.automations.conftest import await_condition, event_of


@pytest.mark.parametrize(("state", "verb"), [("FAILED", "failed"), ("CRASHED", "crashed")])
def test_a_run_that_ends_badly_is_one_message_with_flow_reason_and_link(
    connected, deployment, run_of, receiver, state, verb
):
    apply_automations(receiver.url)
    reason = f'no GPU "0" <{uuid4()}> {{{{ braces }}}}\nline 2'
    ended = {"type": state, "name": "Odd name", "message": reason}

    run_id = run_of(deployment("lifecycle"), {"type": "RUNNING"}, ended, name=f"run-{verb}")
    run_of(deployment("of-others", tags=()), {"type": "RUNNING"}, ended, name="not-ours")
    other = {"type": "FAILED", "message": f"other {run_id}"}
    run_of(deployment("promote"), {"type": "RUNNING"}, other, name="another")

    message = receiver.await_about(f"flow-run/{run_id}")
    receiver.await_about(f"other {run_id}")  # later than whatever the first two runs caused
    assert message["subject"] == f"Pawl: lifecycle {verb} (run-{verb})"
    assert f"Reason: {reason}\n" in message["body"]
    assert f"http://pawl.example:4200/runs/flow-run/{run_id}" in message["body"]
    assert len(receiver.about(f"flow-run/{run_id}")) == 1
    assert not receiver.about("not-ours")


def test_a_watcher_that_fails_every_few_minutes_is_one_message_an_hour(
    connected, deployment, run_of, receiver
):
    apply_automations(receiver.url)
    watching, other = deployment("watch-weights"), deployment("sweep")
    ended = [
        run_of(watching, {"type": "RUNNING"}, {"type": "FAILED", "message": f"hub {uuid4()}"})
        for _ in range(3)
    ]
    last = run_of(other, {"type": "RUNNING"}, {"type": "FAILED", "message": "last"})

    receiver.await_about(last)

    messages = [message for run_id in ended for message in receiver.about(run_id)]
    assert len(messages) == 1
    assert "an hour" in messages[0]["body"]


def test_each_event_of_a_model_is_one_message_however_often_it_is_emitted(connected, receiver):
    apply_automations(receiver.url)
    model = f"notes-{uuid4().hex[:6]}"
    promoted = Promoted(
        model=model, version=3, moved=True, entry=7, summary=f"{model} version 3 is now champion."
    )
    events = [
        promotion_event(promoted, "ada", "holds on 900 documents"),
        rollback_event(promoted, "bob", "complaints from the ward"),
        gate_event(model, "inconclusive", ["F1 - champion: -0.01 to 0.02"], "sha256:a", 120),
        gate_event(model, "reject", ["F1 is worse by 0.10"], "sha256:b"),
        approval_event(model, 4, "sha256:c", "One of ada, bob has to approve.", "in 72 h"),
    ]

    for event in (*events, *events):
        announce(event)

    def subjects():
        return sorted(m["subject"] for m in receiver.about(model))

    await_condition(lambda: len(subjects()) >= len(events), "five messages")
    announce(gate_event(f"last of {model}", "reject", ["last"], "sha256:d"))
    receiver.await_about(f"last of {model}")
    assert [s for s in subjects() if "last of" not in s] == sorted(
        f"Pawl: {event.payload['subject']}" for event in events
    )
    bodies = "\n".join(m["body"] for m in receiver.about(model))
    for text in ("By: ada", "complaints from the ward", "120 further documents", "worse by 0.10"):
        assert text in bodies


def test_an_event_of_a_run_links_to_its_page(connected, receiver):
    apply_automations(receiver.url)
    model = f"notes-{uuid4().hex[:6]}"

    @flow(name="deciding")
    def deciding():
        announce(gate_event(model, "reject", ["worse"], "sha256:f"))
        return str(flow_run.id)

    run_id = deciding()

    body = receiver.await_about(model)["body"]
    assert body.endswith(f"Run: http://pawl.example:4200/runs/flow-run/{run_id}")


def test_a_chat_gets_its_own_form_and_a_secret_header_and_no_secret_shows_on_the_block(
    connected, receiver, monkeypatch, tmp_path
):
    settings = tmp_path / "notifications.yaml"
    settings.write_text("format: slack\nheaders:\n  Authorization: HOOK_AUTHORIZATION\n")
    monkeypatch.setenv("PAWL_NOTIFICATIONS", str(settings))
    monkeypatch.setenv("PAWL_WEBHOOK_URL", f"{receiver.url}/secret-path")
    monkeypatch.setenv("HOOK_AUTHORIZATION", "Bearer s3cret")
    apply_automations()
    reason = f'"quoted" {uuid4()} {{{{ address }}}} \\ {{%'

    announce(gate_event("notes", "reject", [reason], f"{uuid4()}"))

    def arrived():
        texts = [message.get("text", "") for message in receiver.messages]
        return [text for text in texts if reason in text]

    [text] = await_condition(arrived, "a message in Slack's form")
    assert text.startswith("*Pawl: the gate of notes rejected the candidate*\n")
    assert receiver.headers[-1]["Authorization"] == "Bearer s3cret"
    shown = connected.request("POST", "/block_documents/filter", json={})
    assert "pawl-notifications" in str(shown)
    assert "secret-path" not in str(shown) and "s3cret" not in str(shown)


def test_where_messages_go_may_be_a_secret_of_prefect_or_a_block_of_ones_own(
    connected, receiver, monkeypatch, tmp_path
):
    settings = tmp_path / "notifications.yaml"
    monkeypatch.setenv("PAWL_NOTIFICATIONS", str(settings))
    model = f"notes-{uuid4().hex[:6]}"

    settings.write_text("url_secret: hook\n")
    with pytest.raises(PrefectError, match=r"secret/hook.*Create it"):
        apply_automations()
    Secret(value=receiver.url).save("hook", overwrite=True)
    apply_automations()
    announce(gate_event(model, "reject", ["by secret"], "sha256:1"))
    receiver.await_about("by secret")

    own = {"name": "own", "url": receiver.url, "json_data": {"subject": "mine", "body": "{{body}}"}}
    CustomWebhookNotificationBlock(**own).save("mine", overwrite=True)
    settings.write_text("existing_block: custom-webhook/mine\n")
    changes = apply_automations()
    announce(gate_event(model, "reject", ["by own block"], "sha256:2"))

    assert receiver.await_about("by own block")["subject"] == "mine"
    assert {change.name for change in changes if change.kind == "updated"} == {
        declared.name for declared in declared_automations() if declared.notifies
    }


def test_a_receiver_that_refuses_at_first_gets_the_message_later(connected, receiver):
    apply_automations(receiver.url)
    model = f"notes-{uuid4().hex[:6]}"
    receiver.status = 503
    try:
        announce(gate_event(model, "reject", ["worse"], "sha256:e"))
        receiver.await_about(model)
    finally:
        receiver.status = 200

    await_condition(lambda: len(receiver.about(model)) == 2, "a second attempt")


def test_late_and_stuck_runs_are_reported_after_the_time_that_the_file_says(
    connected, deployment, run_of, lead, receiver
):
    soon = []
    for declared in declared_automations():
        if declared.content["trigger"]["posture"] == "Proactive" and declared.notifies:
            trigger = {**declared.content["trigger"], "within": 10}
            soon.append(Declared(declared.path, {**declared.content, "trigger": trigger}))
    assert len(soon) == 3
    apply_automations(receiver.url, soon)
    pawls = deployment("watch-weights")
    late, pending = {"type": "SCHEDULED", "name": "Late"}, {"type": "PENDING"}
    running, done = {"type": "RUNNING"}, {"type": "COMPLETED", "name": "Unchanged"}

    stuck = {
        "is late": run_of(pawls, late),
        "does not start": run_of(pawls, pending),
        "may be stuck": run_of(pawls, late, pending, running),
    }
    heartbeat = {"prefect.resource.id": f"prefect.flow-run.{stuck['may be stuck']}"}
    connected.request("POST", "/events", json=[event_of("prefect.flow-run.heartbeat", heartbeat)])
    fine = run_of(pawls)
    for state in (late, pending, running, done):
        lead(fine, state)

    for words, run_id in stuck.items():
        assert words in receiver.await_about(f"flow-run/{run_id}")["subject"]
    assert not receiver.about(f"flow-run/{fine}")
    apply_automations(receiver.url)
