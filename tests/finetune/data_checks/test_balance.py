import pytest

from configs.data_checks import DataChecks
from finetune.data_checks.balance import class_counts, few_gold_items, majority, unseen_classes

POLICY = DataChecks()


def of(drug=(), effect=(), route=()):
    return {"drug": list(drug), "effect": list(effect), "route": list(route)}


@pytest.fixture
def extracted(rows_of):
    def make(split, *targets):
        return rows_of(split, [f"text {i}" for i in range(len(targets))], target=list(targets))

    return make


def test_items_of_fields_and_of_listed_values_are_counted_with_shares(extraction, extracted):
    rows = extracted(
        "test",
        of(["a", "b"], ["x"], ["oral"]),
        of(["a"], (), ["oral"]),
        of((), (), ["rectal"]),
        of(),
    )
    counts = {
        c.name: (c.items, c.share, c.rows, c.rows_share) for c in class_counts(rows, extraction)
    }
    assert counts == {
        "drug": (3, 3 / 8, 2, 0.5),
        "effect": (1, 1 / 8, 1, 0.25),
        "route": (3, 3 / 8, 3, 0.75),
        "route=oral": (2, 2 / 3, 2, 0.5),
        "route=rectal": (1, 1 / 3, 1, 0.25),
        "(nothing)": (1, 1 / 8, 1, 0.25),
    }
    assert list(counts) == ["drug", "effect", "route", "route=oral", "route=rectal", "(nothing)"]


def test_classes_that_training_never_shows_are_named_with_their_rows(extraction, extracted):
    train = extracted("train", of(["a"], ["x"], ["oral"]))
    test = extracted("test", of(["a"], ["x"], ["rectal"]), of(["a"]))
    found = unseen_classes(train, test, extraction, POLICY)
    assert (found.severity, found.ids) == ("warn", ("test-0",))
    assert "route=rectal (1 rows)" in found.sentence
    assert unseen_classes(test, extracted("test", of(["b"])), extraction, POLICY).severity == "ok"


def test_rare_and_absent_fields_are_named_with_the_width_of_their_interval(extraction, extracted):
    test = extracted("test", *[of(["a"], ["x"] if i < 10 else ()) for i in range(40)])
    found = few_gold_items(test, extraction, POLICY)
    assert (found.severity, found.ids) == ("warn", ("route", "effect"))
    assert "route (0), effect (10)" in found.sentence
    (width,) = found.numbers
    assert (width.n, round(width.low, 3), round(width.high, 3)) == (10, 0.187, 0.813)


def test_a_label_without_any_row_is_rare(triage, rows_of):
    found = few_gold_items(rows_of("test", map(str, range(50)), "urgent"), triage, POLICY)
    assert found.ids == ("routine",)


def test_the_best_fixed_answers_are_measured(triage, rows_of):
    train = rows_of("train", map(str, range(10)), ["urgent"] * 6 + ["routine"] * 4)
    test = rows_of("test", map(str, range(100)), ["urgent"] * 30 + ["routine"] * 70)
    found = majority(train, test, triage, POLICY)
    assert found.severity == "ok"
    assert [number.value for number in found.numbers] == [0.3, 0.7]
    assert round(found.numbers[0].low, 3) == 0.212  # Clopper-Pearson for 30 of 100
    assert round(found.numbers[0].high, 3) == 0.400


def test_one_class_data_measure_nothing_and_say_so(triage, rows_of):
    train = rows_of("train", ["a", "b", "c"], ["urgent", "urgent", "routine"])
    found = majority(train, rows_of("test", ["d", "e"], "routine"), triage, POLICY)
    assert found.severity == "warn"
    assert "All 2 evaluation rows have the same answer" in found.sentence
    assert [number.value for number in found.numbers] == [0, 1]


def test_rows_of_few_documents_give_a_wide_interval(triage, rows_of):
    labels = ["urgent"] * 50 + ["routine"] * 50
    alone = rows_of("test", map(str, range(100)), labels)
    together = rows_of(
        "test", map(str, range(100)), labels, doc_ids=[str(i // 10) for i in range(100)]
    )
    widths = [
        (n := majority(alone, rows, triage, POLICY).numbers[0]).high - n.low
        for rows in (alone, together)
    ]
    assert widths[1] > 2 * widths[0]
