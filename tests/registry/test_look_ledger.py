"""What entries mean, without MLflow."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import RegistryError
from registry.look_ledger import (
    LookEntry,
    changed_after,
    earlier_looks,
    entry_of,
    first_scoring,
    look_with_question,
    policy_record,
    tags_of,
)
from registry.records import VersionRecord

SHARED = {"set": 10}


def log(*lines):
    """Entries from `kind policy [question or candidate]`."""
    more = {"look": "question", "scored": "candidates", "withdrawn": "withdraws"}
    entries = []
    for number, line in enumerate(lines, start=1):
        kind, policy, *rest = line.split()
        content = {"kind": kind, "policy": policy, "test_set": "set", "test_set_entry": 1}
        content |= {"entry": number, "model": "notes", "written": "2026-01-02T03:04:05Z"}
        if rest:
            content[more[kind]] = tuple(rest) if kind == "scored" else rest[0]
        entries.append(LookEntry.model_validate(content))
    return entries


def numbers(entries, policy="p1", shared=SHARED):
    return [(look.number, look.entry.entry) for look in earlier_looks(entries, shared, policy)]


def test_an_entry_survives_as_tags():
    [entry] = log("scored p1 weights")
    record = VersionRecord(model="looks", version=1, run_id="", created_ms=0, tags=tags_of(entry))
    assert entry_of(record) == entry


def test_a_version_that_somebody_else_made_is_no_entry():
    assert entry_of(VersionRecord(model="looks", version=1, run_id="", tags={"x": "y"})) is None


def test_an_entry_that_cannot_be_read_is_refused():
    tags = {"kind": "guess", "test_set": "set", "test_set_entry": "1"}
    with pytest.raises(RegistryError, match=r"looks\.ledger version 4: expected an entry"):
        entry_of(VersionRecord(model="looks", version=4, run_id="", tags=tags))


def test_decisions_are_looks_and_a_question_counts_once():
    assert numbers(log("look p1 a", "look p1 b", "look p1 a")) == [(1, 1), (2, 2)]


def test_a_recorded_policy_alone_is_no_look():
    assert numbers(log("recorded p2", "recorded p1")) == []


def test_sets_that_share_nothing_are_not_counted():
    assert numbers(log("look p1 a"), shared={"other": 3, "set": 0}) == []


def test_a_policy_changed_after_scoring_is_a_look():
    assert numbers(log("scored p1 w", "recorded p2"), "p2") == [(1, 1)]


def test_the_policy_under_which_answers_were_scored_decides_at_its_own_look():
    assert numbers(log("scored p1 w"), "p1") == []
    assert numbers(log("scored p1 w", "look p1 a"), "p2") == [(1, 2)]


def test_a_policy_that_was_exchanged_stays_a_look_when_it_comes_back():
    entries = log("scored p1 w", "scored p2 w", "look p2 a")
    assert numbers(entries[:2], "p2") == [(1, 1)]
    assert numbers(entries, "p1") == [(1, 1), (2, 3)]


def test_a_withdrawn_look_counts_for_nothing():
    entries = log("look p1 a", "withdrawn p1 1")
    assert numbers(entries) == []
    assert look_with_question(entries, "a") is None
    assert look_with_question(entries[:1], "a").entry == 1


def test_looks_of_earlier_versions_leave_what_was_scored_since_open():
    entries = log("scored p1 w", "look p1 a")
    old = entries[1].model_copy(update={"policy": ""})
    assert numbers([entries[0], old], "p1") == [(1, 2)]


def test_the_policy_is_changed_after_the_last_look_by_another():
    entries = log("look p1 a", "look p1 b", "recorded p2", "look p1 c")
    recorded = policy_record(entries, SHARED, "p2")
    earlier = earlier_looks(entries, SHARED, "p2")
    assert recorded == 3
    assert changed_after(earlier, "p2", recorded) == 2
    assert changed_after(earlier, "p2", None) == 3
    assert changed_after(earlier, "p1", policy_record(entries, SHARED, "p1")) is None


def test_the_first_scoring_of_weights_is_found_in_overlapping_sets_only():
    entries = log("scored p1 w", "scored p2 w")
    assert first_scoring(entries, SHARED, "w") == 1
    assert first_scoring(entries, SHARED, "x") is None
    assert first_scoring(entries, {}, "w") is None


LINES = st.one_of(
    st.builds("scored {} w".format, st.sampled_from(["p1", "p2", "p3"])),
    st.builds("look {} {}".format, st.sampled_from(["p1", "p2"]), st.integers(0, 9)),
)


@given(st.lists(LINES, max_size=15))
def test_each_decision_has_a_number_of_its_own_that_never_changes(lines):
    entries = log(*lines)
    seen, given_numbers = set(), []
    for place, entry in enumerate(entries):
        if entry.kind == "look" and entry.question not in seen:
            seen.add(entry.question)
            given_numbers.append(len(earlier_looks(entries[:place], SHARED, entry.policy)) + 1)
            listed = {look.entry.entry: look.number for look in earlier_looks(entries, SHARED, "x")}
            assert listed[entry.entry] == given_numbers[-1]
    assert given_numbers == sorted(set(given_numbers))
