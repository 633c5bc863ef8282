"""What `pawl status` says about the evidence for a champion."""

import time

import pytest

from flows.evidence_status import judge_evidence
from registry.confirmations import confirm, decided_evidence
from registry.promotion import rollback
from registry.releases import note_release
from registry.staleness import MS_PER_DAY
from registry.status import model_status
from tests.flows.re_evaluation.conftest import edit_task

NOW = time.time_ns


@pytest.fixture
def evidence(workplace):
    """The evidence of the one model, as `pawl status` gets it."""

    def read():
        store = workplace.store
        [status] = model_status(store, evidence_of=lambda *asked: judge_evidence(store, *asked))
        assert status.warnings == ()
        return status.evidence

    return read


def test_fresh_evidence_stands(workplace, evidence):
    workplace.champion()
    assert evidence().reasons == ()
    assert evidence().age_days < 1


def test_a_changed_task_makes_it_stale_and_changing_it_back_does_not(workplace, evidence):
    workplace.champion()
    before = workplace.task.read_text()
    edit_task(workplace, max_new_tokens=100)
    assert evidence().reasons == ("the task changed since the decision",)
    workplace.task.write_text(before)
    assert evidence().reasons == ()


def test_a_task_that_is_gone_is_named(workplace, evidence):
    workplace.champion()
    workplace.task.unlink()
    [reason] = evidence().reasons
    assert reason.startswith("its recipe cannot be followed any more: ")
    assert str(workplace.task) in reason


def test_changed_code_makes_it_stale(workplace, evidence, monkeypatch):
    workplace.champion()
    monkeypatch.setattr("flows.evidence_facts.code_digest", lambda: "sha256:another")
    assert evidence().reasons == ("Pawl's code changed since the decision",)


def test_age_counts_from_the_last_confirmation(workplace, evidence, monkeypatch):
    workplace.champion(max_evidence_age_days=30)
    monkeypatch.setattr(
        "flows.evidence_status.time.time_ns", lambda: NOW() + 41 * MS_PER_DAY * 1_000_000
    )
    assert evidence().reasons == ("the evidence is 41 days old (limit 30 days)",)
    decided = decided_evidence(workplace.store, "notes")[-1]
    monkeypatch.setattr("flows.evidence_status.time.time_ns", NOW)
    confirm(workplace.store, "notes", 1, decided.facts, "unchanged", "weekly schedule")
    assert evidence().reasons == ()


def test_a_release_on_which_nothing_was_decided_makes_it_stale(workplace, evidence):
    workplace.champion()
    source, digest = workplace.base()
    seen = note_release(workplace.store, source, source, digest, None, announce=False)
    assert evidence().reasons == ()
    note_release(workplace.store, source, source, f"sha256:{'2' * 64}", seen, announce=True)
    assert evidence().reasons == (f"a newer release of the base is known: {source}",)


def test_a_champion_that_was_restored_has_its_own_evidence(workplace, evidence):
    workplace.champion()
    edit_task(workplace, max_new_tokens=100)
    workplace.base("other", nudged_by=0.05)
    workplace.champion(weights=workplace.directory / "other")
    assert evidence().reasons == ()
    rollback(workplace.store, "notes", "champion", "grace", "worse in use")
    assert evidence().reasons == ("the task changed since the decision",)


def test_status_shows_age_and_reasons(workplace, pawl, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(workplace.home))
    workplace.champion()
    printed = pawl("status")
    assert printed.code == 0, printed.err
    assert "stands" in printed.out
    edit_task(workplace, max_new_tokens=100)
    printed = pawl("status")
    assert "STALE" in printed.out
    assert "notes: stale: the task changed since the decision" in printed.out


def test_data_that_may_not_be_read_is_named_and_stops_no_status(workplace, evidence, monkeypatch):
    """Root may read anything, so the refusal is played."""

    def refused(data):
        raise PermissionError(13, "Permission denied", "/data/notes.jsonl")

    workplace.champion()
    monkeypatch.setattr("flows.evidence_facts.content_digests", refused)
    [reason] = evidence().reasons
    assert reason.endswith("any more: /data/notes.jsonl: Permission denied")
