import numpy as np
import pytest
from scipy.stats import t

from configs.errors import EvidenceError
from evals.judge.rogan_gladen import rogan_gladen


def test_the_value_is_that_of_the_formula():
    """Sensitivity 0.9, specificity 0.8 and 44 of 100 passed: (0.44 + 0.8 - 1) / (0.9 + 0.8 - 1)."""
    human = np.array([1.0] * 10 + [0.0] * 10 + [np.nan] * 80)
    judge = np.array([1.0] * 9 + [0] + [0.0] * 8 + [1.0] * 2 + [1.0] * 33 + [0.0] * 47)
    found = rogan_gladen(judge, human, np.arange(100), np.arange(100) < 20, 0.05)
    assert found.value == pytest.approx(0.24 / 0.7)
    assert found.low < found.value < found.high


def test_the_standard_error_is_that_of_leaving_documents_out():
    rng = np.random.default_rng(2)
    human = (rng.random(300) < 0.7).astype(float)
    judge = np.where(rng.random(300) < 0.25 - 0.15 * (human == 0), 1 - human, human)
    mask = np.arange(300) < 100

    def found(kept):
        return rogan_gladen(judge[kept], human[kept], np.arange(300)[kept], mask[kept], 0.05)

    left_out = np.array([found(np.arange(300) != row).value for row in range(300)])
    jackknife = np.sqrt(299 / 300 * ((left_out - left_out.mean()) ** 2).sum())
    whole = found(np.ones(300, dtype=bool))
    assert (whole.high - whole.low) / 2 == pytest.approx(t.ppf(0.95, 99) * jackknife, rel=0.05)


def test_bounds_hold_with_a_judge_that_errs():
    rng = np.random.default_rng(0)
    trials, missed = 400, np.zeros(2)
    for _ in range(trials):
        human = (rng.random(400) < 0.6).astype(float)
        judge = np.where(human == 1, rng.random(400) < 0.9, rng.random(400) < 0.3).astype(float)
        found = rogan_gladen(judge, human, np.arange(400), np.arange(400) < 150, 0.05)
        missed += [found.low > 0.6, found.high < 0.6]
    assert (missed / trials <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / trials)).all()


def test_rows_of_one_document_are_not_independent():
    rng = np.random.default_rng(1)
    human = np.repeat((rng.random(60) < 0.5).astype(float), 4)
    judge = np.where(np.repeat(rng.random(60) < 0.2, 4), 1 - human, human)
    mask = np.arange(240) < 120
    together = rogan_gladen(judge, human, np.repeat(np.arange(60), 4), mask, 0.05)
    apart = rogan_gladen(judge, human, np.arange(240), mask, 0.05)
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_labels_or_judges_that_bound_nothing_are_refused():
    judge = np.array([1.0, 0, 1, 0])
    everything = np.ones(4, dtype=bool)
    with pytest.raises(EvidenceError, match="expected passed and failed answers, got 4 and 0"):
        rogan_gladen(judge, np.ones(4), np.arange(4), everything, 0.05)
    with pytest.raises(EvidenceError, match="more often than wrong ones"):
        rogan_gladen(judge, 1 - judge, np.arange(4), everything, 0.05)
