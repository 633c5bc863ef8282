import threading
from dataclasses import replace

import pytest

from configs.document_set import DocumentSet, text_digest
from configs.errors import RegistryError
from registry.look_ledger import LOOKS
from registry.looks import LookCounter, Question
from registry.model_looks import model_ledger_name
from registry.records import iso_time
from registry.test_sets import TEST_SETS


def notes(numbers):
    return DocumentSet(
        frozenset(text_digest(f"Note {n} of a patient who feels well.") for n in numbers)
    )


def asked(digest, policy="p1", model="notes", **more):
    return Question(policy=policy, model=model, digest=digest, **more)


SET_A = notes(range(10))


def claim(store, documents, question, **more):
    return LookCounter(store, documents).claim(question, **more)


def test_every_new_question_on_a_test_set_is_another_look(store):
    assert [claim(store, SET_A, asked(f"q{n}")).number for n in (1, 2, 3)] == [1, 2, 3]
    assert claim(store, notes(range(10, 20)), asked("q1 of b")).number == 1


def test_the_same_question_is_the_same_look(store):
    first = claim(store, SET_A, asked("q1"))
    claim(store, SET_A, asked("q2", policy="p2"))
    assert claim(store, SET_A, asked("q1")) == first
    assert len(store.versions(LOOKS)) == 2


def test_another_model_task_or_policy_goes_on_counting_on_the_same_documents(store):
    claim(store, SET_A, asked("q1"))
    assert claim(store, SET_A, asked("q2", model="letters")).number == 2
    assert claim(store, SET_A, asked("q3", model="", policy="p2")).number == 3


def test_a_row_more_goes_on_counting(store):
    claim(store, SET_A, asked("q1"))
    look = claim(store, notes(range(11)), asked("q2"))
    assert look.number == 2
    assert look.shared == SET_A.digests
    assert [(each.number, each.shared, each.entry.model) for each in look.earlier] == [
        (1, 10, "notes")
    ]


def test_a_set_that_bridges_two_shares_the_count_of_both(store):
    claim(store, notes(range(10)), asked("q1"))
    claim(store, notes(range(10, 20)), asked("q2"))
    look = claim(store, notes(range(8, 13)), asked("q3"))
    assert look.number == 3
    assert [each.shared for each in look.earlier] == [2, 3]
    assert look.shared == notes(range(8, 13)).digests
    assert claim(store, notes(range(20, 30)), asked("q4")).number == 1


def test_asking_what_look_it_would_be_writes_nothing(store):
    assert LookCounter(store, SET_A).next_look(asked("q1")).number == 1
    assert store.versions(LOOKS) == store.versions(TEST_SETS) == []


def test_the_documents_of_a_set_are_kept_once(store):
    for n in range(3):
        claim(store, SET_A, asked(f"q{n}"))
    assert len(store.versions(TEST_SETS)) == 1


def test_a_withdrawn_look_is_not_counted(store):
    counter = LookCounter(store, SET_A)
    counter.withdraw(counter.claim(asked("q1")), asked("q1"))
    assert claim(store, SET_A, asked("q2")).number == 1


def test_the_ledgers_are_no_models(store):
    claim(store, SET_A, asked("q1"))
    assert store.models() == []


def test_an_entry_that_was_added_by_hand_is_passed_over(store):
    store.append_entry(LOOKS, "By hand", {"something": "else"})
    assert claim(store, SET_A, asked("q1")).number == 1


def test_documents_that_were_changed_in_mlflow_are_refused(store):
    claim(store, SET_A, asked("q1"))
    store._client.set_model_version_tag(TEST_SETS, "1", "pawl.text.0", "AAAAAAAA")
    with pytest.raises(RegistryError, match="Somebody changed this ledger"):
        LookCounter(store, notes([1]))


def test_looks_claimed_at_the_same_moment_get_different_numbers(contract_store, model):
    mine = DocumentSet(frozenset({text_digest(f"A document of {model}, which no other has.")}))
    claim(contract_store, mine, asked(f"{model} 0"))
    found = []
    threads = [
        threading.Thread(
            target=lambda n=n: found.append(
                claim(contract_store, mine, asked(f"{model} {n}", policy=f"p{n % 2}")).number
            )
        )
        for n in range(1, 6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2, 3, 4, 5, 6]


# Policies


def run(store, policy, weights, question, documents=SET_A):
    """What a run enters, from its start to its decision; returns the look."""
    begun = asked("", policy=policy)
    LookCounter(store, documents).record_policy(begun)
    scoring = replace(begun, candidates=(weights,))
    LookCounter(store, documents).record_scoring(scoring)
    return claim(store, documents, replace(scoring, digest=question))


def test_a_policy_that_was_recorded_at_the_start_was_there_before_the_scores(store):
    look = run(store, "p1", "weights", "q1")
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (1, "before", None)


def test_a_policy_changed_after_the_decision_is_another_look_and_says_so(store):
    run(store, "p1", "weights", "q1")
    look = run(store, "p2", "weights", "q2")
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (2, "after", 1)


def test_a_policy_changed_after_scoring_is_another_look_though_nothing_was_decided(store):
    begun = asked("", policy="p1", candidates=("weights",))
    LookCounter(store, SET_A).record_policy(begun)
    LookCounter(store, SET_A).record_scoring(begun)
    look = run(store, "p2", "weights", "q2")
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (2, "after", 1)
    assert [each.decided for each in look.earlier] == [False]


def test_a_policy_changed_before_anything_was_scored_costs_nothing(store):
    LookCounter(store, SET_A).record_policy(asked("", policy="p1"))
    look = run(store, "p2", "weights", "q2")
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (1, "before", None)


def test_the_next_candidate_under_the_same_policy_changed_nothing(store):
    run(store, "p1", "weights", "q1")
    look = run(store, "p1", "others", "q2")
    assert (look.number, look.policy_recorded, look.policy_changed_after) == (2, "before", None)


def test_a_row_more_does_not_hide_that_the_policy_came_after_the_scores(store):
    run(store, "p1", "weights", "q1")
    assert run(store, "p2", "weights", "q2", notes(range(11))).policy_recorded == "after"


def test_a_run_that_goes_on_after_a_crash_enters_nothing_twice(store):
    begun = asked("", policy="p1", candidates=("weights",))
    for _ in range(2):
        LookCounter(store, SET_A).record_policy(begun)
    new = [LookCounter(store, SET_A).record_scoring(begun) for _ in range(2)]
    assert new == [("weights",), ()]
    assert len(store.versions(LOOKS)) == 2


def test_what_the_caller_knows_of_the_policy_stays_with_the_look(store):
    counter = LookCounter(store, SET_A)
    counter.record_policy(asked("", policy="p1", candidates=("weights",)))
    counter.record_scoring(asked("", policy="p1", candidates=("weights",)))
    question = asked("q1", candidates=("weights",))
    assert counter.claim(question, "after").policy_recorded == "after"
    assert claim(store, SET_A, question).policy_recorded == "after"


def test_a_recipe_is_decided_under_its_policy_on_these_very_documents(store):
    question = asked("q1", recipe="sha256:recipe")
    assert not LookCounter(store, SET_A).recipe_was_decided(question)
    claim(store, SET_A, question)
    assert LookCounter(store, SET_A).recipe_was_decided(question)
    assert not LookCounter(store, SET_A).recipe_was_decided(replace(question, policy="p2"))
    assert not LookCounter(store, notes(range(11))).recipe_was_decided(question)


# Ledgers of earlier versions


@pytest.fixture
def old_looks(store):
    for test_set, question in (("set-a", "old 1"), ("set-a", "old 2"), ("set-b", "old 3")):
        tags = {"test_set": test_set, "question": question}
        store.append_entry(model_ledger_name("notes"), "Of an earlier version", tags)


def test_looks_of_an_earlier_version_still_count(store, old_looks):
    counter = LookCounter(store, SET_A)
    counter.take_over("notes", "set-a")
    assert counter.claim(asked("q1")).number == 3
    assert claim(store, SET_A, asked("q2", model="letters")).number == 4


def test_looks_of_an_earlier_version_are_taken_over_once_with_their_date(store, old_looks):
    for _ in range(2):
        LookCounter(store, SET_A).take_over("notes", "set-a")
    assert len(store.versions(LOOKS)) == 2
    written = store.versions(model_ledger_name("notes"))[0].created_ms
    look = LookCounter(store, SET_A).next_look(asked("q1"))
    assert look.earlier[0].entry.written == iso_time(written)
    assert look.policy_changed_after is None


def test_looks_of_an_earlier_version_at_another_set_or_model_stay_there(store, old_looks):
    counter = LookCounter(store, SET_A)
    counter.take_over("notes", "set-c")
    counter.take_over("letters", "set-a")
    assert counter.next_look(asked("q1")).number == 1
