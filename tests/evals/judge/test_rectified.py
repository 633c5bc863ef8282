import numpy as np
import pytest

from configs.errors import EvidenceError
from evals.judge.rectified import rectified_difference, rectified_mean

ALPHA = 0.05


def world(rng, documents, rows_each, labelled):
    """Answers of two equally good systems, and a judge that is often wrong and passes one answer in
    five of the candidate's whatever it says."""
    rows = documents * rows_each
    clusters = np.repeat(np.arange(documents), rows_each)
    difficulty = np.repeat(rng.normal(0, 0.5, documents), rows_each)
    human = [(difficulty + rng.normal(0, 1, rows) > 0).astype(float) for _ in range(2)]
    judge = [np.where(rng.random(rows) < 0.1, 1 - scores, scores) for scores in human]
    judge[0] = np.where(rng.random(rows) < 0.2, 1.0, judge[0])
    mask = np.isin(clusters, rng.permutation(documents)[:labelled])
    human = [np.where(mask, scores, np.nan) for scores in human]
    return *judge, *human, clusters, mask


@pytest.mark.parametrize(("documents", "rows_each", "labelled"), [(300, 1, 60), (100, 3, 50)])
def test_bounds_hold_with_a_biased_judge_and_those_of_the_judge_alone_do_not(
    documents, rows_each, labelled
):
    rng = np.random.default_rng(1)
    trials = 500
    rectified, naive = np.zeros(2), 0
    for _ in range(trials):
        sample = world(rng, documents, rows_each, labelled)
        found = rectified_difference(*sample, ALPHA)
        rectified += [found.low > 0, found.high < 0]
        differences = (sample[0] - sample[1] + 1) / 2
        alone = rectified_mean(
            differences, differences, sample[4], np.ones(len(differences), dtype=bool), ALPHA
        )
        naive += 2 * alone.low - 1 > 0
    slack = 3 * np.sqrt(ALPHA * (1 - ALPHA) / trials)
    assert (rectified / trials <= ALPHA + slack).all()
    assert naive / trials > 0.5


def test_a_good_judge_narrows_the_bounds_and_a_useless_one_does_not_widen_them():
    rng = np.random.default_rng(2)
    rows = 1000
    human = (rng.random(rows) < 0.6).astype(float)
    mask = np.arange(rows) < 100
    clusters = np.arange(rows)

    def width(judge):
        found = rectified_mean(judge, human, clusters, mask, ALPHA)
        return found.high - found.low

    alone = width(np.full(rows, 0.5))
    good = width(np.where(rng.random(rows) < 0.05, 1 - human, human))
    useless = width(rng.random(rows))
    assert good < 0.6 * alone
    assert useless < 1.05 * alone


def test_the_figures_are_those_of_the_authors_own_implementation():
    """ppi_mean_pointestimate and ppi_mean_ci(alpha=0.1) of ppi-python 0.2.3 on these data; its
    bounds use the normal quantile where these use Student's."""
    rng = np.random.default_rng(0)
    human = (rng.random(1000) < 0.6).astype(float)
    judge = np.clip(human * 0.7 + 0.2 + rng.normal(0, 0.2, 1000), 0, 1)
    found = rectified_mean(judge, human, np.arange(1000), np.arange(1000) < 100, ALPHA)
    assert found.power == 1
    assert found.value == pytest.approx(0.58330018, abs=1e-8)
    assert (found.low, found.high) == pytest.approx((0.54398026, 0.62262009), abs=1e-3)


def test_with_all_rows_labelled_the_judge_does_not_matter():
    rng = np.random.default_rng(3)
    human = rng.random(50)
    everything = np.ones(50, dtype=bool)
    found = rectified_mean(rng.random(50), human, np.arange(50), everything, ALPHA)
    assert found.power == 0
    assert found.value == pytest.approx(human.mean())
    assert found.standard_error == pytest.approx(human.std(ddof=1) / np.sqrt(50))


def test_rows_of_one_document_are_not_independent():
    rng = np.random.default_rng(4)
    human = np.repeat(rng.random(40), 5)
    judge = np.repeat(rng.random(40), 5)
    mask = np.arange(200) < 100
    together = rectified_mean(judge, human, np.repeat(np.arange(40), 5), mask, ALPHA)
    apart = rectified_mean(judge, human, np.arange(200), mask, ALPHA)
    assert together.standard_error > 1.8 * apart.standard_error
    assert (together.labelled_clusters, together.clusters) == (20, 40)
    assert (together.n_labelled, together.n) == (100, 200)


def test_no_difference_among_few_labels_does_not_prove_that_there_is_none():
    zeros = np.zeros(200)
    found = rectified_difference(
        zeros, zeros, zeros, zeros, np.arange(200), np.arange(200) < 30, ALPHA
    )
    assert found.value == 0
    assert found.low == -found.high == pytest.approx(-(1 - ALPHA ** (1 / 30)))


def test_bounds_stay_on_the_scale():
    human = np.array([1.0, 1, 1, 0])
    found = rectified_mean(human, human, np.arange(4), np.ones(4, dtype=bool), ALPHA)
    assert found.high == 1
    assert found.low >= 0


def test_labels_that_cannot_rectify_are_refused():
    scores = np.array([0.0, 1.0, 0.0])
    mask = np.array([True, True, False])
    with pytest.raises(EvidenceError, match="at least two documents, got 1"):
        rectified_mean(scores, scores, ["a", "a", "b"], mask, ALPHA)
    with pytest.raises(EvidenceError, match="got 1 of the judge and 0 of people"):
        rectified_mean(np.array([0, 1, np.nan]), scores, ["a", "b", "c"], mask, ALPHA)
    with pytest.raises(EvidenceError, match="got 0 of the judge and 1 of people"):
        rectified_mean(scores, np.array([0, np.nan, np.nan]), ["a", "b", "c"], mask, ALPHA)
    with pytest.raises(ValueError, match="alpha"):
        rectified_mean(scores, scores, ["a", "b", "c"], mask, 0.7)
