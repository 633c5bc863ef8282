import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from configs.errors import EvidenceError
from evals.metric import Metric, count_metrics, f1_ratio, mean_metric
from evals.stats.paired import SKEW_CORRECTED, TANGO, paired_difference, require_paired


def difference(candidate, reference, metric="micro_f1", alpha=0.05):
    return paired_difference(candidate, reference, metric, alpha=alpha)


def random_counts(rng, documents, skill):
    gold = rng.integers(1, 6, documents)
    tp = rng.binomial(gold, skill)
    return {"tp": tp, "fp": rng.poisson(0.3, documents), "fn": gold - tp}


def random_pair(evaluation_of, seed, documents=60, rows_per_document=1):
    """Two systems of different skill, with counts and shares."""
    rng = np.random.default_rng(seed)
    return tuple(
        evaluation_of(
            system, **random_counts(rng, documents, skill), valid=rng.random(documents) < skill,
            rows_per_document=rows_per_document,
        )
        for system, skill in (("candidate", 0.85), ("baseline", 0.9))
    )  # fmt: skip


@pytest.mark.parametrize(
    ("metric", "rows_per_document", "method"),
    [
        ("valid_json", 1, TANGO),
        ("valid_json", 2, SKEW_CORRECTED),
        ("micro_f1", 1, SKEW_CORRECTED),
        ("micro_f1", 2, SKEW_CORRECTED),
    ],
)
def test_method_follows_from_the_metric_and_the_documents(
    evaluation_of, metric, rows_per_document, method
):
    pair = random_pair(evaluation_of, 1, rows_per_document=rows_per_document)
    assert difference(*pair, metric).method == method


def test_a_mean_that_is_not_binary_gets_the_t_interval(evaluation_of):
    pair = [replace(e, metrics=(mean_metric("valid_json"),)) for e in random_pair(evaluation_of, 1)]
    assert difference(*pair, "valid_json").method == SKEW_CORRECTED


@pytest.mark.parametrize("metric", ["valid_json", "micro_f1"])
@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000), rows_per_document=st.sampled_from([1, 3]),
    alpha=st.floats(0.005, 0.4), margin=st.floats(0, 0.3),
)  # fmt: skip
def test_p_is_at_most_alpha_exactly_where_the_bound_passes_the_threshold(
    evaluation_of, metric, seed, rows_per_document, alpha, margin
):
    pair = random_pair(evaluation_of, seed, rows_per_document=rows_per_document)
    found = difference(*pair, metric, alpha=alpha)
    assert found.low <= found.value <= found.high
    for p_value, passed in (
        (found.p_worse_than(margin), found.low > -margin),
        (found.p_better_than(margin), found.high < margin),
        (found.p_better_than(-margin), found.high < -margin),
    ):
        if abs(p_value - alpha) > 1e-6:
            assert (p_value <= alpha) == passed


def test_a_model_that_claims_nothing_is_worse_in_precision(evaluation_of):
    silent = evaluation_of(tp=[0] * 40, fn=[2] * 40)
    assert difference(silent, evaluation_of("b", tp=[2] * 40), "micro_precision").high < 0


def test_difference_of_f1_matches_a_resampling_written_out(evaluation_of):
    rng = np.random.default_rng(8)
    ours, theirs = random_counts(rng, 150, 0.9), random_counts(rng, 150, 0.85)
    theirs["fn"] = ours["tp"] + ours["fn"] - np.minimum(theirs["tp"], ours["tp"] + ours["fn"])
    found = difference(evaluation_of(**ours), evaluation_of("b", **theirs))
    tops, bottoms = (
        np.column_stack([2 * c["tp"] + extra * (c["fp"] + c["fn"]) for c in (ours, theirs)])
        for extra in (0, 1)
    )
    drawn = rng.integers(150, size=(5000, 150))
    values = tops[drawn].sum(axis=1) / bottoms[drawn].sum(axis=1)
    resampled = values[:, 0] - values[:, 1]
    # A document that is lost and was not seen widens ours.
    assert found.low == pytest.approx(np.quantile(resampled, 0.05), abs=0.004)
    assert found.high == pytest.approx(np.quantile(resampled, 0.95), abs=0.004)


@pytest.mark.parametrize("metric", ["micro_f1", "valid_json"])
def test_swapping_the_systems_mirrors_the_difference(evaluation_of, metric):
    one, other = random_pair(evaluation_of, 2, documents=80)
    there, back = difference(one, other, metric), difference(other, one, metric)
    assert there.value == pytest.approx(-back.value)
    assert there.low == pytest.approx(-back.high)
    assert there.high == pytest.approx(-back.low)


def test_where_lower_is_better_the_difference_is_turned(evaluation_of):
    one, other = random_pair(evaluation_of, 2, rows_per_document=2)
    metric = one.metric("valid_json").model_copy(update={"higher_is_better": False})
    lower_is_better = [replace(e, metrics=(metric,)) for e in (one, other)]
    straight = difference(one, other, "valid_json")
    turned = difference(*lower_is_better, "valid_json")
    assert turned.value == pytest.approx(-straight.value)
    assert turned.low == pytest.approx(-straight.high)
    assert turned.p_worse_than(0.05) == pytest.approx(straight.p_better_than(0.05))


def test_macro_f1_of_equal_classes_is_the_pooled_difference(evaluation_of):
    macro = Metric(name="macro_f1", ratios=(f1_ratio(), f1_ratio(".problems")))
    pair = random_pair(evaluation_of, 3)
    both = difference(*(replace(e, metrics=(macro,)) for e in pair), "macro_f1")
    assert both.method == SKEW_CORRECTED
    # The two classes have the same counts, so their mean is the pooled value.
    assert both.value == pytest.approx(difference(*pair).value)


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


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.002])
@pytest.mark.parametrize("documents", [30, 200])
@pytest.mark.parametrize("metric", ["valid_json", "micro_f1"])
@pytest.mark.parametrize("rows_per_document", [1, 2])
def test_equal_scores_leave_about_the_doubt_that_an_unseen_loss_leaves(
    evaluation_of, documents, metric, rows_per_document, alpha
):
    same = evaluation_of(
        tp=[2] * documents * rows_per_document, rows_per_document=rows_per_document
    )
    found = difference(same, same, metric, alpha=alpha)
    exact = 1 - alpha ** (1 / documents)
    assert found.value == 0.0
    assert -1.8 * exact < found.low < -exact
    assert exact < found.high < 1.8 * exact
    assert found.p_worse_than(0.5) < 0.002
    assert found.p_worse_than(0.0) >= 0.5


def test_the_same_scores_give_the_same_bounds(evaluation_of):
    pair = random_pair(evaluation_of, 3)
    assert difference(*pair) == difference(*pair)
    assert difference(*pair) != difference(*random_pair(evaluation_of, 4))


def test_a_difference_can_be_sent_to_another_process(evaluation_of):
    found = difference(*random_pair(evaluation_of, 3))
    assert pickle.loads(pickle.dumps(found)).p_worse_than(0.02) == found.p_worse_than(0.02)


@pytest.mark.parametrize("metric", ["micro_f1", "valid_json"])
def test_order_of_rows_does_not_matter(evaluation_of, metric):
    one, other = random_pair(evaluation_of, 3)
    turned = replace(other, frame=other.frame[::-1])
    assert difference(one, turned, metric) == difference(one, other, metric)


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
    pair = evaluation_of(tp=[1, 1, 1]), evaluation_of("baseline", **changes)
    for compare in (require_paired, difference):
        with pytest.raises(EvidenceError, match=message):
            compare(*pair)


def test_repeated_ids_are_not_compared(evaluation_of):
    one = evaluation_of(tp=[1, 1])
    one.frame["id"] = "r0"
    one.frame["cluster"] = "d0"
    with pytest.raises(EvidenceError, match="expected unique ids"):
        require_paired(one, one)


@pytest.mark.parametrize("column", ["cluster", "tp"])
def test_a_missing_score_or_document_is_named(evaluation_of, column):
    one, other = evaluation_of(tp=[1.0, 1.0, 1.0]), evaluation_of("b", tp=[1.0, 1.0, 1.0])
    one.frame.loc[1, column] = None
    with pytest.raises(EvidenceError, match="in 1: r1"):
        difference(one, other)


@pytest.mark.parametrize("alpha", [0.0, 0.5, -0.1, math.nan])
def test_an_alpha_out_of_range_is_refused(evaluation_of, alpha):
    with pytest.raises(ValueError, match="alpha"):
        difference(*random_pair(evaluation_of, 1), alpha=alpha)


def test_a_small_alpha_needs_no_resamples(evaluation_of):
    found = difference(*random_pair(evaluation_of, 1), alpha=0.001)
    assert found.p_worse_than(0.9) < 1e-6
    assert -0.5 < found.low < difference(*random_pair(evaluation_of, 1), alpha=0.01).low


@pytest.mark.parametrize("margin", [-0.02, 1.0, math.nan])
def test_a_margin_of_the_wrong_sign_or_size_is_refused(evaluation_of, margin):
    found = difference(*random_pair(evaluation_of, 1))
    with pytest.raises(ValueError, match="margin: expected an acceptable loss"):
        found.p_worse_than(margin)
    with pytest.raises(ValueError, match="limit"):
        found.p_better_than(margin - 1 if margin < 0 else margin)


def test_one_document_proves_nothing(evaluation_of):
    pair = [evaluation_of(s, tp=[1] * 4, valid=v, rows_per_document=4) for s, v in
            (("a", [True] * 4), ("b", [True, True, True, False]))]  # fmt: skip
    found = difference(*pair, "valid_json")
    assert (found.low, found.high) == (-1.0, 1.0)
    assert found.p_worse_than(0.5) == 1.0


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
                metric,
            ).low
        )  # fmt: skip
    return sum(low > -margin for low in lows)


def rare_whole_losses(documents, margin, rows_per_document=1):
    """The candidate breaks on a share `margin` of documents, which the reference never does."""

    def make_pair(rng):
        broken = np.repeat(rng.random(documents) < margin, rows_per_document)
        right = {"tp": [1] * len(broken)}
        return {**right, "valid": ~broken}, right, rows_per_document

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
        (rare_whole_losses(200, 0.03), 0.03, "valid_json"),
        (rare_whole_losses(60, 0.05, 2), 0.05, "valid_json"),
        (misses_in_clusters(40, 0.05), 0.05, "micro_f1"),
        (misses_in_clusters(150, 0.03), 0.03, "micro_f1"),
    ],
    ids=["30 whole losses", "200 whole losses", "60 of two rows", "40 clusters", "150 clusters"],
)
def test_a_model_worse_by_the_margin_passes_at_most_at_rate_alpha(
    evaluation_of, make_pair, margin, metric
):
    gates = 150
    passed = false_promotions_at_the_margin(evaluation_of, make_pair, margin, metric, gates)
    # A rate of exactly alpha exceeds this count once in a thousand times.
    assert passed <= binom.ppf(0.999, gates, 0.05)


def test_a_model_as_good_as_the_reference_usually_passes(evaluation_of):
    passed = false_promotions_at_the_margin(
        evaluation_of, misses_in_clusters(200, 0.0), 0.05, "micro_f1", 40
    )
    assert passed >= 32


def test_a_metric_that_only_one_task_measures_is_refused(evaluation_of):
    one = replace(evaluation_of(tp=[1, 1]), metrics=count_metrics())
    with pytest.raises(EvidenceError, match="valid_json"):
        difference(one, one, "valid_json")
