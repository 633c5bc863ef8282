import threading

from registry.looks import claim_look, look_ledger_name, read_looks


def test_every_new_question_on_a_test_set_is_another_look(store):
    assert [claim_look(store, "notes", "set-a", f"q{n}").number for n in (1, 2, 3)] == [1, 2, 3]
    assert claim_look(store, "notes", "set-b", "q1").number == 1


def test_the_same_question_is_the_same_look(store):
    first = claim_look(store, "notes", "set-a", "q1")
    claim_look(store, "notes", "set-a", "q2")
    assert claim_look(store, "notes", "set-a", "q1") == first
    assert len(read_looks(store, "notes", "set-a")) == 2


def test_looks_of_another_model_are_counted_apart(store):
    claim_look(store, "notes", "set-a", "q1")
    assert claim_look(store, "letters", "set-a", "q2").number == 1


def test_the_ledger_of_looks_is_no_model_of_its_own(store):
    claim_look(store, "notes", "set-a", "q1")
    assert look_ledger_name("notes") not in store.models()


def test_looks_claimed_at_the_same_moment_get_different_numbers(store):
    claim_look(store, "notes", "set-a", "q0")
    found = []
    threads = [
        threading.Thread(
            target=lambda n=n: found.append(claim_look(store, "notes", "set-a", f"q{n}").number)
        )
        for n in range(1, 6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [2, 3, 4, 5, 6]
