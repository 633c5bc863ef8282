import pytest

from configs.data_checks import DataChecks, NearDuplicates
from finetune.data_checks.duplicates import (
    conflicting_targets,
    repeated_texts,
    training_duplicates,
)

POLICY = DataChecks()


@pytest.fixture
def found(by_check):
    def run(seen, evaluation, policy=POLICY):
        return by_check(training_duplicates(seen, evaluation, policy))

    return run


def test_a_row_is_named_once_under_the_strongest_kind_of_copy(rows_of, prose, found):
    base = [prose(i, 40) for i in range(4)]
    train = rows_of("train", [*base[:3], prose(9, 50)])
    edited = base[1].split()
    edited[0] = "edited"
    part = " ".join(base[2].split()[5:30])
    test = rows_of("test", [f"  {base[0].upper()}", " ".join(edited), part, prose(77, 40)])
    findings = found(train, test)
    assert {name: f.ids for name, f in findings.items()} == {
        "exact_duplicates": ("test-0",),
        "near_duplicates": ("test-1",),
        "contained": ("test-2",),
    }
    assert [f.severity for f in findings.values()] == ["refuse", "warn", "warn"]
    assert "test-1 is like train-1 of train (Jaccard 0.95)" in findings["near_duplicates"].sentence


def test_validation_counts_as_training_data(rows_of, prose, found):
    validation = rows_of("validation", [prose(1)])
    exact = found(validation, rows_of("test", [prose(1)]))["exact_duplicates"]
    assert "test-0 is like validation-0 of validation" in exact.sentence


def test_a_shared_document_is_a_copy_whatever_the_text(rows_of, prose, found):
    train = rows_of("train", [prose(1)], doc_ids=["patient 7"])
    test = rows_of("test", [prose(2), prose(3)], doc_ids=["patient 7", "patient 8"])
    exact = found(train, test)["exact_duplicates"]
    assert (exact.severity, exact.ids) == ("refuse", ("test-0",))


def test_texts_that_differ_in_a_sign_are_near_and_not_equal(rows_of, prose, found):
    train = rows_of("train", [f"{prose(1)} HIV +"])
    findings = found(train, rows_of("test", [f"{prose(1)} HIV -"]))
    assert findings["exact_duplicates"].severity == "ok"
    assert findings["near_duplicates"].ids == ("test-0",)


def test_clean_data_pass_with_an_interval_of_the_share(rows_of, prose, found):
    findings = found(
        rows_of("train", map(prose, range(200))), rows_of("test", map(prose, range(500, 600)))
    )
    assert {f.severity for f in findings.values()} == {"ok"}
    (number,) = findings["exact_duplicates"].numbers
    assert (number.value, number.low, number.n) == (0, 0, 100)
    assert number.high == pytest.approx(1 - 0.025 ** (1 / 100))  # Clopper-Pearson for none of 100


def test_checks_that_are_off_are_not_reported(rows_of, prose, found):
    policy = DataChecks(exact_duplicates="off", near_duplicates=NearDuplicates(action="off"))
    assert list(found(rows_of("train", [prose(1)]), rows_of("test", [prose(1)]), policy)) == [
        "contained"
    ]


def test_the_threshold_decides(rows_of, prose, found):
    edited = [*prose(1, 18).split()[:-4], "un", "deux", "trois", "quatre"]
    train, test = rows_of("train", [prose(1, 18)]), rows_of("test", [" ".join(edited)])
    assert found(train, test)["near_duplicates"].severity == "ok"
    loose = DataChecks(near_duplicates=NearDuplicates(jaccard=0.5, action="refuse"))
    assert found(train, test, loose)["near_duplicates"].severity == "refuse"


def test_more_copies_than_are_shown_are_counted(rows_of, prose, found):
    texts = [prose(i) for i in range(30)]
    exact = found(rows_of("train", texts), rows_of("test", texts))["exact_duplicates"]
    assert (len(exact.ids), exact.count) == (10, 30)


def test_a_text_in_two_evaluation_documents_is_reported_and_in_one_is_not(rows_of, prose):
    texts = [prose(1), prose(1), prose(2), prose(2), prose(3)]
    test = rows_of("test", texts, doc_ids=["a", "b", "c", "c", "d"])
    repeated = repeated_texts(test, POLICY)
    assert (repeated.severity, repeated.ids) == ("warn", ("test-0", "test-1"))


def test_equal_texts_with_different_labels_are_named_with_their_labels(triage, rows_of, prose):
    labels = ["urgent", "routine", "urgent", "urgent"]
    test = rows_of("test", [prose(1), prose(1).upper(), prose(2), prose(2)], target=labels)
    noise = conflicting_targets(test, triage, POLICY)
    assert (noise.severity, noise.ids) == ("warn", ("test-0", "test-1"))
    assert 'test-0 ("urgent") and test-1 ("routine")' in noise.sentence


def test_the_order_of_keys_and_a_sign_in_the_text_make_no_conflict(triage, rows_of):
    targets = [{"a": 1, "b": 2}, {"b": 2, "a": 1}, "positive", "negative"]
    test = rows_of("test", ["same", "same", "HIV +", "HIV -"], target=targets)
    assert conflicting_targets(test, triage, POLICY).severity == "ok"
