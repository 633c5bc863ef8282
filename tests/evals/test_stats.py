import numpy as np
import pytest
from scipy.stats import binom, binomtest

from configs.errors import EvidenceError
from evals.stats import (
    estimate,
    metric_value,
    paired_difference,
    require_paired,
    share_bounds,
    share_estimate,
)


def difference(candidate, reference, metric="micro_f1", alpha=0.05, resamples=2000, seed=1):
    return paired_difference(
        candidate, reference, metric, alpha=alpha, resamples=resamples, seed=seed
    )


def random_counts(rng, documents, skill):
    gold = rng.integers(1, 6, documents)
    tp = rng.binomial(gold, skill)
    return {"tp": tp, "fp": rng.poisson(0.3, documents), "fn": gold - tp}


def test_micro_metrics_pool_counts_over_rows(evaluation_of):
    frame = evaluation_of(tp=[3, 0, 1], fp=[1, 0, 2], fn=[0, 2, 1]).frame
    # pooled: tp 4, fp 3, fn 3
    assert metric_value(frame, "micro_precision") == pytest.approx(4 / 7)
    assert metric_value(frame, "micro_recall") == pytest.approx(4 / 7)
    assert metric_value(frame, "micro_f1") == pytest.approx(8 / 14)
    assert metric_value(frame, "micro_f1", field="problems") == pytest.approx(8 / 14)


def test_shares_are_means_over_rows(evaluation_of):
    frame = evaluation_of(tp=[1] * 4, valid=[True, True, False, True], rows_per_document=3).frame
    assert metric_value(frame, "valid_json") == 0.75


def test_nothing_to_find_and_nothing_found_is_full_marks(evaluation_of):
    frame = evaluation_of(tp=[0, 0]).frame
    assert metric_value(frame, "micro_f1") == 1.0
    assert metric_value(evaluation_of(tp=[0, 0], fp=[0, 1]).frame, "micro_f1") == 0.0


def test_a_model_that_claims_nothing_has_no_precision_to_boast_of(evaluation_of):
    silent = evaluation_of(tp=[0] * 40, fn=[2] * 40)
    assert metric_value(silent.frame, "micro_precision") == 0.0
    good = evaluation_of("baseline", tp=[2] * 40)
    assert difference(silent, good, "micro_precision").high < 0


def test_an_unknown_metric_is_refused(evaluation_of):
    with pytest.raises(ValueError, match="bleu"):
        metric_value(evaluation_of(tp=[1]).frame, "bleu")


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


def test_no_rows_are_no_score(evaluation_of):
    evaluation = evaluation_of(tp=[1])
    with pytest.raises(EvidenceError, match="expected rows, got none"):
        estimate(evaluation, "micro_f1", frame=evaluation.frame[:0])


@pytest.mark.parametrize(("successes", "trials"), [(0, 30), (7, 30), (30, 30), (198, 200)])
def test_share_bounds_are_those_of_clopper_and_pearson(successes, trials):
    low, high = share_bounds(successes, trials, 0.05)
    exact = binomtest(successes, trials).proportion_ci(0.9, method="exact")
    assert (low, high) == (pytest.approx(exact.low), pytest.approx(exact.high))


def test_documents_not_rows_are_the_trials_of_a_floor(evaluation_of):
    found = share_estimate(evaluation_of(tp=[1] * 120, rows_per_document=4), "valid_json", 0.05)
    assert found.low == pytest.approx(0.05 ** (1 / 30))


def test_difference_of_shares_matches_a_resampling_written_out(evaluation_of):
    rng = np.random.default_rng(8)
    ours, theirs = rng.random(150) < 0.9, rng.random(150) < 0.85
    found = difference(
        evaluation_of(tp=[1] * 150, valid=ours), evaluation_of("b", tp=[1] * 150, valid=theirs),
        "valid_json", resamples=5000,
    )  # fmt: skip
    paired = np.append(ours.astype(int) - theirs, -1)  # with the document all lost
    resampled = [rng.choice(paired, len(paired)).mean() for _ in range(5000)]
    assert found.value == pytest.approx(ours.mean() - theirs.mean())
    assert found.low == pytest.approx(np.quantile(resampled, 0.05), abs=0.008)


def test_swapping_the_systems_mirrors_the_difference(evaluation_of):
    rng = np.random.default_rng(2)
    gold = rng.integers(1, 6, 80)
    counts = []
    for skill in (0.9, 0.8):
        tp = rng.binomial(gold, skill)
        counts.append({"tp": tp, "fn": gold - tp})
    one, other = evaluation_of(**counts[0]), evaluation_of("other", **counts[1])
    there, back = difference(one, other), difference(other, one)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high, abs=0.006)
    assert there.high == pytest.approx(-back.low, abs=0.006)


def test_pairing_narrows_the_interval_when_documents_differ_in_difficulty(evaluation_of):
    rng = np.random.default_rng(6)
    gold = np.full(150, 6)
    skill = rng.beta(2, 1, 150)
    ours, theirs = rng.binomial(gold, skill), rng.binomial(gold, skill)
    one = evaluation_of(tp=ours, fn=gold - ours)
    shuffled = rng.permutation(theirs)
    paired = difference(one, evaluation_of("b", tp=theirs, fn=gold - theirs))
    unpaired = difference(one, evaluation_of("b", tp=shuffled, fn=gold - shuffled))
    assert paired.high - paired.low < 0.8 * (unpaired.high - unpaired.low)


@pytest.mark.parametrize("documents", [30, 200])
def test_equal_scores_leave_about_the_doubt_that_an_unseen_loss_leaves(evaluation_of, documents):
    same = evaluation_of(tp=[2] * documents)
    found = difference(same, same, "valid_json")
    exact = 1 - 0.05 ** (1 / documents)
    assert found.value == 0.0
    assert -1.8 * exact < found.low < -exact
    assert exact < found.high < 1.8 * exact


def test_the_same_seed_gives_the_same_bounds(evaluation_of):
    rng = np.random.default_rng(3)
    one = evaluation_of(**random_counts(rng, 50, 0.9))
    other = evaluation_of("b", **random_counts(rng, 50, 0.9))
    assert difference(one, other, seed=5) == difference(one, other, seed=5)
    assert difference(one, other, seed=5) != difference(one, other, seed=6)


def test_order_of_rows_does_not_matter(evaluation_of):
    rng = np.random.default_rng(3)
    one = evaluation_of(**random_counts(rng, 50, 0.9))
    other = evaluation_of("b", **random_counts(rng, 50, 0.8))
    turned = type(other)(**{**vars(other), "frame": other.frame[::-1]})
    assert difference(one, turned) == difference(one, other)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tp": [1, 1]}, "1 that differ: r2"),
        ({"tp": [1, 1, 1], "rows_per_document": 3}, "2 that differ: r1, r2"),
        ({"tp": [1, 1, 1], "data_digest": "sha256:x"}, "data_digest: expected the same"),
        ({"tp": [1, 1, 1], "task": "other"}, "task: expected the same"),
        ({"tp": []}, "expected rows on both sides"),
    ],
    ids=["a row less", "other documents", "other data", "other task", "no rows"],
)
def test_what_did_not_answer_the_same_rows_is_not_compared(evaluation_of, changes, message):
    with pytest.raises(EvidenceError, match=message):
        require_paired(evaluation_of(tp=[1, 1, 1]), evaluation_of("baseline", **changes))


def test_repeated_ids_are_not_compared(evaluation_of):
    one = evaluation_of(tp=[1, 1])
    one.frame["id"] = "r0"
    one.frame["cluster"] = "d0"
    with pytest.raises(EvidenceError, match="expected unique ids"):
        require_paired(one, one)


def false_promotions_at_the_margin(evaluation_of, make_pair, margin, metric, gates):
    """How many of `gates` comparisons have a lower bound above -margin."""
    rng = np.random.default_rng(11)
    lows = []
    for _ in range(gates):
        ours, theirs, rows_per_document = make_pair(rng)
        lows.append(
            difference(
                evaluation_of(**ours, rows_per_document=rows_per_document),
                evaluation_of("b", **theirs, rows_per_document=rows_per_document),
                metric, resamples=1000,
            ).low
        )  # fmt: skip
    return sum(low > -margin for low in lows)


def rare_whole_losses(documents, margin):
    """The candidate breaks on a share `margin` of documents, which the reference never does."""

    def make_pair(rng):
        broken = rng.random(documents) < margin
        return {"tp": [1] * documents, "valid": ~broken}, {"tp": [1] * documents}, 1

    return make_pair


def misses_in_clusters(documents, margin):
    """Two rows a document share a difficulty; the candidate's true micro-F1 is lower by margin."""
    mean = 0.9
    # With no false finds F1 = 2 r / (1 + r) for recall r.
    f1 = 2 * mean / (1 + mean) - margin
    ratio = f1 / (2 - f1) / mean

    def make_pair(rng):
        gold = np.full(documents * 2, 4)
        skill = np.repeat(rng.beta(9, 1, documents), 2)
        ours, theirs = rng.binomial(gold, skill * ratio), rng.binomial(gold, skill)
        return {"tp": ours, "fn": gold - ours}, {"tp": theirs, "fn": gold - theirs}, 2

    return make_pair


@pytest.mark.parametrize(
    ("make_pair", "margin", "metric"),
    [
        (rare_whole_losses(30, 0.03), 0.03, "valid_json"),
        (rare_whole_losses(60, 0.05), 0.05, "valid_json"),
        (rare_whole_losses(200, 0.03), 0.03, "valid_json"),
        (misses_in_clusters(40, 0.05), 0.05, "micro_f1"),
        (misses_in_clusters(150, 0.03), 0.03, "micro_f1"),
    ],
    ids=["30 whole losses", "60 whole losses", "200 whole losses", "40 clusters", "150 clusters"],
)
def test_a_model_worse_by_the_margin_passes_at_most_at_rate_alpha(
    evaluation_of, make_pair, margin, metric
):
    gates = 200
    passed = false_promotions_at_the_margin(evaluation_of, make_pair, margin, metric, gates)
    # A rate of exactly alpha exceeds this count once in a thousand times.
    assert passed <= binom.ppf(0.999, gates, 0.05)


def test_a_model_as_good_as_the_reference_usually_passes(evaluation_of):
    passed = false_promotions_at_the_margin(
        evaluation_of, misses_in_clusters(200, 0.0), 0.05, "micro_f1", 40
    )
    assert passed >= 32
