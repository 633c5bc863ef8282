import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from configs.errors import EvidenceError
from configs.rubric import Criterion
from evals.judge.agreement import agreement, weighted_kappa

STARS = Criterion(name="stars", description="?", scale={n: f"level {n}" for n in range(1, 6)})
PASS_FAIL = Criterion(name="right", description="?", scale={0: "no", 1: "yes"})


def documents(count, rows_each=1):
    return [f"d{i // rows_each}" for i in range(count)]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=2, max_size=40))
def test_kappa_is_that_of_scikit_learn(pairs):
    human, judged = map(list, zip(*pairs, strict=True))
    cells = np.bincount([h * 5 + j for h, j in pairs], minlength=25)
    expected = cohen_kappa_score(
        human, judged, weights="quadratic", labels=range(5), replace_undefined_by=0.0
    )
    assert weighted_kappa(5, cells) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_bounds_stand_on_both_sides_of_the_value(seed):
    rng = np.random.default_rng(seed)
    human = [1, 5, *rng.integers(1, 6, 30).tolist()]
    judged = np.clip(np.array(human) + rng.integers(-1, 2, 32), 1, 5).tolist()
    found = agreement(STARS, judged, human, documents(32, 2), alpha=0.05)
    assert -1 <= found.kappa.low <= found.kappa.value <= found.kappa.high <= 1
    assert 0 <= found.same.low <= found.same.value <= found.same.high <= 1
    assert (found.rows, found.clusters) == (32, 16)


def test_the_confusion_counts_human_scores_in_lines_and_judged_ones_in_columns():
    found = agreement(PASS_FAIL, [1, 1, 0, 1], [1, 0, 0, 0], documents(4), alpha=0.05)
    assert found.confusion == ((1, 2), (0, 1))
    assert found.same.value == 0.5


def test_a_judge_without_an_error_in_few_documents_is_not_proved_perfect():
    few = agreement(PASS_FAIL, [0, 1] * 5, [0, 1] * 5, documents(10), alpha=0.05)
    many = agreement(PASS_FAIL, [0, 1] * 100, [0, 1] * 100, documents(200), alpha=0.05)
    assert few.kappa.value == many.kappa.value == 1
    assert few.kappa.low < 0.8 < many.kappa.low < 1


def test_an_unreadable_judgement_counts_as_the_farthest_score():
    found = agreement(STARS, [None, None, 3], [1, 5, 3], documents(3), alpha=0.05)
    assert found.confusion[0][4] == found.confusion[4][0] == 1


def test_answers_of_one_document_do_not_count_as_independent():
    rng = np.random.default_rng(0)
    per_document = rng.integers(0, 2, (40, 2))
    agree = rng.random(40) < 0.8
    human = np.repeat(per_document[:, 0], 5)
    judged = np.where(np.repeat(agree, 5), human, 1 - human)
    apart = agreement(PASS_FAIL, judged.tolist(), human.tolist(), documents(200), alpha=0.05)
    together = agreement(PASS_FAIL, judged.tolist(), human.tolist(), documents(200, 5), alpha=0.05)
    assert together.kappa.low < apart.kappa.low - 0.05


def test_labels_that_cannot_test_a_judge_are_refused():
    with pytest.raises(EvidenceError, match="answers of different scores"):
        agreement(STARS, [1, 2], [3, 3], documents(2), alpha=0.05)
    with pytest.raises(EvidenceError, match="in 1 document"):
        agreement(STARS, [1, 2], [1, 3], ["d", "d"], alpha=0.05)


def test_the_lower_bound_of_kappa_holds_in_repeated_samples():
    rng = np.random.default_rng(3)
    trials, missed = 150, 0
    for _ in range(trials):
        human = rng.integers(0, 2, 60)
        judged = np.where(rng.random(60) < 0.9, human, 1 - human)  # kappa 0.8
        found = agreement(PASS_FAIL, judged.tolist(), human.tolist(), documents(60), alpha=0.1)
        missed += found.kappa.low > 0.8
    assert missed / trials <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / trials)
