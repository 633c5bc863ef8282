import numpy as np
import pytest
from scipy.stats import binomtest

from configs.errors import EvidenceError
from evals.stats.estimates import estimate, share_bounds, share_estimate, share_p_value


def random_counts(rng, documents, skill):
    gold = rng.integers(1, 6, documents)
    tp = rng.binomial(gold, skill)
    return {"tp": tp, "fp": rng.poisson(0.3, documents), "fn": gold - tp}


def test_interval_of_a_share_comes_near_the_exact_one(evaluation_of):
    valid = np.arange(400) % 5 != 0
    found = estimate(evaluation_of(tp=[1] * 400, valid=valid), "valid_json", resamples=5000)
    exact = binomtest(320, 400).proportion_ci(0.95, method="exact")
    assert found.value == 0.8
    assert found.low == pytest.approx(exact.low, abs=0.006)
    assert found.high == pytest.approx(exact.high, abs=0.006)
    assert (found.rows, found.clusters) == (400, 400)


def test_rows_that_repeat_within_a_document_do_not_narrow_the_interval(evaluation_of):
    rng = np.random.default_rng(4)
    counts = random_counts(rng, 120, 0.8)
    once = estimate(evaluation_of(**counts), "micro_f1")
    tripled = {name: np.repeat(values, 3) for name, values in counts.items()}
    clustered = estimate(evaluation_of(**tripled, rows_per_document=3), "micro_f1")
    naive = estimate(evaluation_of(**tripled), "micro_f1")
    assert clustered.high - clustered.low == pytest.approx(once.high - once.low, rel=0.1)
    assert naive.high - naive.low < 0.7 * (once.high - once.low)


def test_a_perfect_share_is_not_certain(evaluation_of):
    found = estimate(evaluation_of(tp=[1] * 60, rows_per_document=2), "valid_json")
    assert found.high == 1.0
    assert found.low == pytest.approx(0.025 ** (1 / 30))


def test_one_document_says_almost_nothing(evaluation_of):
    found = estimate(evaluation_of(tp=[3, 1], fn=[1, 1], rows_per_document=2), "micro_f1")
    assert found.low < 0.1
    assert found.high > 0.9


def test_a_slice_is_estimated_from_its_own_rows(evaluation_of):
    evaluation = evaluation_of(tp=[1] * 40, valid=[True] * 30 + [False] * 10)
    part = estimate(evaluation, "valid_json", frame=evaluation.frame[:30])
    assert (part.value, part.rows) == (1.0, 30)


@pytest.mark.parametrize(
    "measure", [estimate, lambda e, m, frame: share_estimate(e, m, 0.05, frame)]
)
def test_no_rows_are_no_score(evaluation_of, measure):
    evaluation = evaluation_of(tp=[1])
    with pytest.raises(EvidenceError, match="expected rows, got none"):
        measure(evaluation, "micro_f1", frame=evaluation.frame[:0])


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95])
def test_a_confidence_out_of_range_is_refused(evaluation_of, confidence):
    with pytest.raises(ValueError, match=r"in \(0, 0.5\)"):
        estimate(evaluation_of(tp=[1] * 9), "micro_f1", confidence=confidence)


@pytest.mark.parametrize(("successes", "trials"), [(0, 30), (7, 30), (30, 30), (198, 200)])
def test_share_bounds_are_those_of_clopper_and_pearson(successes, trials):
    low, high = share_bounds(successes, trials, 0.05)
    exact = binomtest(successes, trials).proportion_ci(0.9, method="exact")
    assert (low, high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_documents_not_rows_are_the_trials_of_a_floor(evaluation_of):
    found = share_estimate(evaluation_of(tp=[1] * 120, rows_per_document=4), "valid_json", 0.05)
    assert found.low == pytest.approx(0.05 ** (1 / 30))


@pytest.mark.parametrize("wrong", [0, 3, 40])
def test_p_value_of_a_share_is_the_exact_binomial_one(evaluation_of, wrong):
    valid = np.arange(40) >= wrong
    found = share_estimate(evaluation_of(tp=[1] * 40, valid=valid), "valid_json", 0.05)
    exact = binomtest(40 - wrong, 40, 0.8, alternative="greater").pvalue
    assert share_p_value(found, 0.8) == pytest.approx(exact)
    if found.low:
        assert share_p_value(found, found.low) == pytest.approx(0.05)
