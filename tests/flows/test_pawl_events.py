"""Events about models: what they say, and that they never stop a run."""

import logging

import pytest

from flows.pawl_events import (
    announce,
    announce_from_terminal,
    approval_event,
    gate_event,
    promotion_event,
    rollback_event,
)
from registry.promotion import Promoted


def promoted(moved=True, entry=7):
    return Promoted(model="notes", version=3, moved=moved, entry=entry, summary="It is champion.")


def test_a_promotion_says_who_and_why():
    event = promotion_event(promoted(), "ada", "holds")

    assert event.name == "pawl.model.promoted"
    assert event.resource["prefect.resource.id"] == "pawl.model.notes"
    assert event.payload["text"] == "It is champion.\nBy: ada\nReason: holds"


@pytest.mark.parametrize("make", [promotion_event, rollback_event])
def test_an_alias_that_did_not_move_is_no_event(make):
    assert make(promoted(moved=False), "ada", "again") is None
    assert gate_event("notes", "promote", ["holds"], "sha256:a") is None
    announce(None)


def test_the_same_event_has_the_same_id_and_another_has_another():
    first = promotion_event(promoted(), "ada", "holds").id
    others = {
        promotion_event(promoted(entry=8), "ada", "holds").id,
        rollback_event(promoted(), "ada", "holds").id,
        gate_event("notes", "reject", ["worse"], "sha256:a").id,
        gate_event("notes", "inconclusive", ["worse"], "sha256:a").id,
        gate_event("notes", "reject", ["worse"], "sha256:b").id,
        approval_event("notes", 3, "sha256:a", "two are missing", "soon").id,
        approval_event("notes", 3, "sha256:a", "one is missing", "soon").id,
    }

    assert promotion_event(promoted(), "bob", "said otherwise").id == first
    assert len(others | {first}) == 8


def test_an_inconclusive_gate_says_how_many_documents_would_settle_it():
    assert "120 further" in gate_event("m", "inconclusive", ["r"], "sha256:a", 120).payload["text"]
    assert "further" not in gate_event("m", "inconclusive", ["r"], "sha256:a").payload["text"]


def test_an_event_that_cannot_be_emitted_is_a_line_in_the_log(monkeypatch, caplog):
    def broken(*arguments, **keywords):
        raise RuntimeError("event of 2 MB is too large")

    monkeypatch.setattr("prefect.events.emit_event", broken)

    with caplog.at_level(logging.WARNING):
        announce(promotion_event(promoted(), "ada", "holds"))

    assert "pawl.model.promoted of notes was not emitted: event of 2 MB" in caplog.text


def test_from_a_terminal_an_event_goes_to_a_server_and_starts_none(monkeypatch):
    from prefect.settings import PREFECT_API_URL, temporary_settings

    emitted = []
    monkeypatch.setattr("prefect.events.emit_event", lambda name, *a, **k: emitted.append(name))
    with temporary_settings(restore_defaults={PREFECT_API_URL}):
        announce_from_terminal(promotion_event(promoted(), "ada", "holds"))
    assert emitted == []
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        announce_from_terminal(rollback_event(promoted(), "ada", "worse"))
    assert emitted == ["pawl.model.rolled-back"]
