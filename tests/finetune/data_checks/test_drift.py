import numpy as np
import pytest

from configs.data_checks import DataChecks, Drift
from finetune.data_checks.drift import documents_of, drift, holm
from finetune.data_checks.resplit import Counts, resplit
from finetune.data_checks.two_sample_classifier import classifier_auc

POLICY = DataChecks(drift=Drift(permutations=499))


@pytest.fixture
def tested(triage, by_check):
    return lambda train, test, policy=POLICY: by_check(drift(train, test, triage, policy))


def test_documents_of_one_source_show_no_drift(rows_of, prose, tested):
    labels = ["urgent", "routine", "routine"]
    train = rows_of("train", [prose(i, 20 + i % 9) for i in range(150)], labels * 50)
    test = rows_of("test", [prose(500 + i, 20 + i % 9) for i in range(90)], labels * 30)
    findings = tested(train, test)
    assert {f.severity for f in findings.values()} == {"ok"}
    assert set(findings) == {
        f"drift.{name}" for name in ("length", "labels", "vocabulary", "unseen_words", "classifier")
    }


def test_each_kind_of_drift_is_found_by_its_own_test(rows_of, prose, tested):
    half = ["urgent", "routine"] * 60
    train = rows_of("train", [prose(i) for i in range(120)], half)
    longer = rows_of("test", [prose(500 + i, 45) for i in range(120)], half)
    rarer = rows_of(
        "test", [prose(500 + i) for i in range(120)], ["urgent"] * 20 + ["routine"] * 100
    )
    foreign = rows_of("test", [prose(500 + i, 30, unusual=0.3) for i in range(120)], half)

    def acted_on(test):
        return {name for name, found in tested(train, test).items() if found.severity == "warn"}

    assert acted_on(longer) == {"drift.length"}
    assert acted_on(rarer) == {"drift.labels"}
    assert acted_on(foreign) == {"drift.vocabulary", "drift.unseen_words", "drift.classifier"}


def test_a_significant_trifle_is_told_and_not_acted_on(rows_of, prose, tested):
    train = rows_of("train", [prose(i, 29 + i % 4) for i in range(900)])
    test = rows_of("test", [prose(2000 + i, 29 + i % 4 + (i % 6 == 0)) for i in range(900)])
    found = tested(train, test)["drift.length"]
    assert found.numbers[0].p_value < 0.05
    strict = DataChecks(drift=Drift(permutations=499, alpha=0.05))
    told = tested(train, test, strict)["drift.length"]
    assert (told.severity, "too little to matter" in told.sentence) == ("ok", True)


def test_rows_of_one_document_are_no_evidence_of_drift(rows_of, prose, tested):
    """Twelve chatty documents of 20 rows each look like drift to a test that takes rows for units."""
    train = rows_of("train", [prose(i) for i in range(300)], ["urgent", "routine"] * 150)
    labels = [label for d in range(12) for label in [("urgent", "routine")[d < 8]] * 20]
    documents = [f"d{i // 20}" for i in range(240)]
    test = rows_of("test", [prose(900 + i) for i in range(240)], labels, doc_ids=documents)
    alone = rows_of("test", [prose(900 + i) for i in range(240)], labels)
    assert tested(train, test)["drift.labels"].severity == "ok"
    assert tested(train, alone)["drift.labels"].severity == "warn"


def test_too_few_documents_are_not_tested(rows_of, prose, tested):
    found = tested(rows_of("train", map(prose, range(50))), rows_of("test", map(prose, range(9))))
    assert list(found) == ["drift"]
    assert "50 training and 9 evaluation documents" in found["drift"].sentence


def test_one_class_and_one_text_are_no_drift_and_no_crash(rows_of, tested):
    findings = tested(rows_of("train", ["same text"] * 20), rows_of("test", ["same text"] * 20))
    assert {f.severity for f in findings.values()} == {"ok"}


def test_of_many_documents_a_seeded_sample_is_tested(rows_of, prose):
    rows = rows_of("train", map(prose, range(100)), doc_ids=[f"d{i // 2}" for i in range(100)])
    first, again, other = (documents_of(rows, 20, seed) for seed in (1, 1, 2))
    assert len(first) == 20
    assert [d.id for d in first] == [d.id for d in again] != [d.id for d in other]
    assert all(len(d.rows) == 2 for d in first)


def test_holm_agrees_with_statsmodels():
    multitest = pytest.importorskip("statsmodels.stats.multitest")
    p_values = [0.04, 0.001, 0.3, 0.02, 0.02]
    expected = multitest.multipletests(p_values, method="holm")[1]
    assert holm(p_values) == pytest.approx(list(expected))


def test_distances_are_those_of_scipy_and_of_the_definitions():
    from scipy.spatial.distance import jensenshannon

    found = resplit(Counts.of([["a", "a", "b"], ["a"], ["b", "c"], ["c", "d"]]), 2, 99, 1)
    p, q = [3 / 4, 1 / 4, 0, 0], [0, 1 / 4, 2 / 4, 1 / 4]
    assert found["total variation"].observed == pytest.approx(0.75)
    assert found["Jensen-Shannon"].observed == pytest.approx(jensenshannon(p, q, base=2))
    assert found["unseen"].observed == pytest.approx(3 / 4)


@pytest.mark.parametrize("what", ["total variation", "Jensen-Shannon", "unseen"])
def test_p_values_of_documents_of_one_source_are_uniform(what):
    """Overdispersed counts, which would break a chi-square test of the items."""
    rng = np.random.default_rng(3)
    p_values = []
    for run in range(200):
        shares = rng.dirichlet(np.full(12, 0.3), size=40)
        documents = [[f"i{k}" for k in rng.choice(12, 8, p=share)] for share in shares]
        p_values.append(resplit(Counts.of(documents), 28, 99, run)[what].p_value)
    below = np.mean(np.array(p_values) <= 0.1)
    assert below < 0.1 + 3 * np.sqrt(0.09 / 200)  # never more often than claimed
    if what != "unseen":  # which has ties
        assert below > 0.1 - 3 * np.sqrt(0.09 / 200)


def test_the_classifier_is_blind_to_documents_of_one_source(prose):
    p_values, covered = [], []
    for run in range(60):
        sides = [[prose(f"{run}/{side}/{i}", 15).split() for i in range(30)] for side in "ab"]
        auc = classifier_auc(*sides, seed=run)
        p_values.append(auc.p_value)
        covered.append(auc.low <= 0.5 <= auc.high)
    assert np.mean(np.array(p_values) <= 0.1) < 0.1 + 3 * np.sqrt(0.09 / 60)
    assert np.mean(covered) > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 60)


def test_a_perfect_classifier_still_has_an_interval():
    auc = classifier_auc([["red", "blue"]] * 20, [["green", "gray"]] * 20, seed=1)
    assert (auc.value, auc.high) == (1, 1)
    assert auc.low == pytest.approx(0.025 ** (1 / 10))  # Clopper-Pearson for 10 of 10
