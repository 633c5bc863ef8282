import json

import pytest

from registry.ledger import LedgerEntry, replay
from registry.staleness import (
    MS_PER_DAY,
    WORDING,
    DecidedEvidence,
    EvidenceFacts,
    age_in_words,
    answers,
    champion_evidence,
    changes,
    facts_of,
    staleness,
)

FACTS = EvidenceFacts(
    **{name: f"sha256:{name}" for name in EvidenceFacts.model_fields if name != "libraries"},
    libraries=json.dumps({"torch": "2.13.0", "trl": "1.16"}),
)


def changed(**fields):
    return FACTS.model_copy(update=fields)


def decided(version=1, at=100, facts=FACTS, **more):
    return DecidedEvidence(facts=facts, version=version, outcome="promote", decided_ms=at, **more)


def ledger(*entries):
    """Entries `(kind, version, at)`; a rollback restores the promotion of its version."""
    written = []
    for number, (kind, version, at) in enumerate(entries, start=1):
        restores = next((e.number for e in written if e.version == version), 0)
        written.append(
            LedgerEntry(
                number=number, head=number - 1, version=version, kind=kind, actor="ada",
                reason="better", decision_digest="sha256:d" if kind == "promote" else "",
                restores=restores if kind == "rollback" else 0, written_ms=at,
            )
        )  # fmt: skip
    state = replay(written)
    assert not state.refused
    return state


@pytest.mark.parametrize("name", WORDING)
def test_each_fact_that_changed_is_named(name):
    assert changes(FACTS, changed(**{name: "sha256:new"})) == (WORDING[name],)


def test_nothing_changed_is_no_reason():
    assert changes(FACTS, FACTS) == ()
    stands = staleness(decided(), FACTS, now_ms=100)
    assert (stands.reasons, stands.summary) == ((), "0 min, stands")


def test_changed_libraries_are_named_with_their_versions():
    now = changed(
        code_version="sha256:new", libraries=json.dumps({"torch": "2.14.0", "vllm": "0.11"})
    )
    assert changes(FACTS, now) == (
        "library versions changed: torch 2.13.0 -> 2.14.0, trl 1.16 -> absent, vllm absent -> 0.11",
    )


def test_what_is_not_known_is_no_change_for_the_reader_and_no_answer_for_the_machine():
    unknown = changed(baseline_digest="")
    assert changes(FACTS, unknown) == changes(unknown, FACTS) == ()
    assert not unknown.complete
    assert answers([decided(facts=unknown)], unknown, ledger(("promote", 1, 100))) is None


def test_evidence_older_than_its_limit_is_stale():
    at_day = lambda days: staleness(  # noqa: E731
        decided(at=0), FACTS, now_ms=int(days * MS_PER_DAY), max_age_days=30
    )
    assert at_day(30).reasons == ()
    assert at_day(41).reasons == ("the evidence is 41 days old (limit 30 days)",)
    assert at_day(41).summary == "41 days, STALE"


def test_a_clock_that_lags_gives_no_negative_age():
    assert staleness(decided(at=5 * MS_PER_DAY), FACTS, now_ms=0, max_age_days=1).age_days == 0


def test_a_newer_release_an_unreadable_recipe_and_unrecorded_facts_are_reasons():
    found = staleness(
        decided(facts=EvidenceFacts()), FACTS, 100,
        newer_release="hf://org/base@2", unreadable="clinical-notes: found neither",
    )  # fmt: skip
    assert [reason.split(":")[0] for reason in found.reasons] == [
        "what it rests on was not recorded (an earlier Pawl registered it)",
        "its recipe cannot be followed any more",
        "a newer release of the base is known",
    ]


@pytest.mark.parametrize(
    ("days", "words"),
    [(0.01, "14 min"), (0.5, "12 h"), (1.9, "46 h"), (2, "2 days"), (41, "41 days")],
)
def test_ages_are_worded_for_people(days, words):
    assert age_in_words(days) == words


def test_facts_survive_the_way_through_tags():
    assert facts_of({**FACTS.tags, "candidate": "awq"}) == FACTS
    assert facts_of(changed(judge_digest="").tags) == changed(judge_digest="")


def test_a_question_asked_before_is_answered_whatever_came_out():
    state = ledger(("promote", 1, 100))
    reject = decided(version=2, at=200, facts=changed(base_digest="sha256:b2"))
    assert answers([decided(), reject], reject.facts, state) == reject
    assert answers([decided(), reject], FACTS, state) == decided()


@pytest.mark.parametrize("name", sorted(EvidenceFacts.model_fields))
def test_a_question_that_differs_in_anything_is_new(name):
    assert answers([decided()], changed(**{name: "other"}), ledger(("promote", 1, 100))) is None


def test_a_question_is_new_once_another_version_was_promoted():
    reject = decided(version=2, at=200, facts=changed(base_digest="sha256:b2"))
    state = ledger(("promote", 1, 100), ("promote", 3, 300))
    assert answers([decided(), reject], reject.facts, state) is None


def test_a_rollback_is_not_undone_by_asking_again():
    promoted = decided(version=2, at=200, facts=changed(base_digest="sha256:b2"))
    state = ledger(("promote", 1, 100), ("promote", 2, 201), ("rollback", 1, 300))
    assert answers([decided(), promoted], promoted.facts, state) == promoted


def test_the_latest_confirmation_by_the_same_recipe_counts_for_the_champion():
    state = ledger(("promote", 1, 100))
    again = decided(at=500, confirmed=True)
    other = decided(version=2, at=900, facts=changed(recipe_digest="sha256:other recipe"))
    assert champion_evidence([decided(), again, other], state) == again


def test_what_was_decided_about_the_champion_before_says_nothing_about_this_one():
    state = ledger(("promote", 1, 100), ("promote", 2, 300))
    second = decided(version=2, at=299)
    assert champion_evidence([decided(), decided(at=250, confirmed=True), second], state) == second


def test_without_a_champion_there_is_no_evidence_for_one():
    assert champion_evidence([decided()], ledger()) is None
