import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.metric import Metric, count_metrics, f1_ratio, mean_metric
from evals.stats.contributions import carriers, document_weights, of_difference, of_value, to_find
from evals.stats.linearised import influence
from evals.stats.totals import metric_of_sums

MICRO_F1, PRECISION, RECALL = count_metrics()
ACCURACY = mean_metric("accuracy")
MACRO_F1 = Metric(name="macro_f1", ratios=(f1_ratio(".a"), f1_ratio(".b")))


def f1_sums(found, wrong, gold):
    found, wrong, gold = (np.asarray(part, dtype=float) for part in (found, wrong, gold))
    return np.column_stack([2 * found, found + gold + wrong, gold - found])


def random_f1(rng, gold):
    return f1_sums(rng.binomial(gold, 0.8), rng.poisson(0.5, len(gold)), gold)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), documents=st.integers(2, 60))
def test_gains_sum_to_the_value_and_weights_to_one(seed, documents):
    rng = np.random.default_rng(seed)
    gold = rng.integers(1, 6, documents)
    ours, theirs = random_f1(rng, gold), random_f1(rng, gold)
    of_both = np.hstack([ours, random_f1(rng, gold)]), np.hstack([theirs, random_f1(rng, gold)])
    for metric, pair in ((MICRO_F1, (ours, theirs)), (MACRO_F1, of_both)):
        difference, alone = of_difference(metric, *pair), of_value(metric, pair[0])
        values = [metric_of_sums(metric, sums.sum(axis=0)) for sums in pair]
        assert difference.value == pytest.approx(values[0] - values[1])
        assert alone.value == pytest.approx(values[0])
        for found in (difference, alone):
            assert found.gains.sum() == pytest.approx(found.value)
            assert found.weights.sum() == pytest.approx(1.0)
            assert (found.weights >= 0).all()
            assert found.residuals.sum() == pytest.approx(0.0, abs=1e-12)


def test_residuals_are_the_influence_of_each_document():
    rng = np.random.default_rng(1)
    gold = rng.integers(1, 6, 50)
    ours, theirs = random_f1(rng, gold), random_f1(rng, gold)
    change = influence(MICRO_F1, ours) - influence(MICRO_F1, theirs)
    assert of_difference(MICRO_F1, ours, theirs).residuals == pytest.approx(change / 50)


def test_residuals_predict_what_leaving_a_document_out_changes():
    rng = np.random.default_rng(2)
    sums = random_f1(rng, rng.integers(1, 6, 400))
    whole = of_value(MICRO_F1, sums)
    for document in range(0, 400, 37):
        rest = metric_of_sums(MICRO_F1, np.delete(sums, document, axis=0).sum(axis=0))
        assert whole.value - rest == pytest.approx(whole.residuals[document], abs=2e-5)


def test_a_mean_weighs_documents_by_their_rows_and_f1_by_their_gold_items():
    rows = np.array([1.0, 3.0, 4.0])
    assert document_weights(ACCURACY, np.column_stack([rows, rows, 0 * rows])) == pytest.approx(
        rows / 8
    )
    # What was claimed wrongly does not make a document larger; what was missed counts as held.
    sums = f1_sums([2, 0, 1], [0, 9, 0], [2, 2, 4])
    for metric, factor in ((MICRO_F1, 2), (RECALL, 1)):
        per_ratio = sums.copy()
        per_ratio[:, 0] *= factor / 2
        assert to_find(metric, per_ratio)[:, 0].tolist() == [2.0, 2.0, 4.0]
        assert document_weights(metric, per_ratio) == pytest.approx([0.25, 0.25, 0.5])


def test_precision_counts_gold_items_too():
    # tp, tp + fp, fn: two found and one wrong; nothing found and two missed.
    sums = np.array([[2.0, 3.0, 0.0], [0.0, 0.0, 2.0]])
    assert to_find(PRECISION, sums)[:, 0].tolist() == [2.0, 2.0]


def test_a_document_of_the_only_item_of_a_class_weighs_half_of_a_macro_average_of_two():
    common, rare = np.full(100, 1.0), np.where(np.arange(100) == 7, 1.0, 0.0)
    sums = np.hstack([f1_sums(common, 0 * common, common), f1_sums(rare, 0 * rare, rare)])
    weights = document_weights(MACRO_F1, sums)
    assert weights[7] == pytest.approx(0.5 + 0.005)
    assert weights.sum() == pytest.approx(1.0)
    # Losing it costs what its weight says.
    lost = sums.copy()
    lost[7, 3:] = [0.0, 1.0, 1.0]
    change = metric_of_sums(MACRO_F1, lost.sum(axis=0)) - 1
    assert change == pytest.approx(-0.5)


def test_carriers_are_those_of_the_rarest_class():
    rng = np.random.default_rng(3)
    common, rare = np.full(200, 2), np.where(np.arange(200) < 3, 1, 0)
    sums = np.hstack([random_f1(rng, common), f1_sums(rare, 0 * rare, rare)])
    assert carriers(MACRO_F1, sums) == 3
    assert carriers(MACRO_F1, sums, sums) == 3
    assert carriers(MICRO_F1, sums[:, :3]) == 200


def test_a_class_that_is_claimed_but_never_gold_has_no_carrier_and_one_never_named_is_left_out():
    common, never = np.full(50, 2), np.zeros(50)
    present = f1_sums(common, never, common)
    claimed = np.hstack([present, f1_sums(never, np.arange(50) == 0, never)])
    assert carriers(MACRO_F1, claimed) == 0
    absent = np.hstack([present, f1_sums(never, never, never)])
    assert carriers(MACRO_F1, absent) == 50
    # It is enough that the other system claims it.
    assert carriers(MACRO_F1, absent, claimed) == 0


def test_a_mean_is_carried_by_every_document_with_rows():
    assert carriers(ACCURACY, np.array([[0.0, 1.0, 0.0], [1.0, 1.0, 0.0]])) == 2


def test_where_nothing_is_counted_there_are_no_weights_and_no_carriers():
    nothing = np.zeros((40, 3))
    for found in (of_value(MICRO_F1, nothing), of_difference(MICRO_F1, nothing, nothing)):
        assert not found.weights.any()
        assert not found.residuals.any()
    assert carriers(MICRO_F1, nothing, nothing) == 0
