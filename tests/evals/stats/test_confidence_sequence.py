import numpy as np
import pytest
from evals.stats.confidence_sequence import can_bet, confidence_sequence
from scipy.stats import norm

from evals.metric import Metric, count_metrics, f1_ratio, mean_metric

ACCURACY = mean_metric("accuracy", binary=True)
MICRO_F1 = count_metrics()[0]
ENDS = list(range(20, 401, 20))


def mean_sums(scores):
    scores = np.asarray(scores, dtype=float)
    return np.column_stack([scores, np.ones_like(scores), np.zeros_like(scores)])


def f1_sums(found, wrong, gold=4):
    return np.column_stack([2 * found, found + gold + wrong, gold - found]).astype(float)


def test_betting_needs_a_mean_over_documents_of_one_size():
    assert can_bet(ACCURACY, [1, 1, 1])
    assert can_bet(ACCURACY, [2, 2])
    assert not can_bet(ACCURACY, [1, 2])
    assert not can_bet(MICRO_F1, [1, 1])
    assert not can_bet(Metric(name="macro", ratios=(f1_ratio(".a"), f1_ratio(".b"))), [1])


@pytest.mark.parametrize("betting", [True, False])
def test_bounds_hold_at_all_batches_at_once(betting):
    """Share of 400 sequences whose lower or upper bound is ever on the wrong side of the truth."""
    rng = np.random.default_rng(11)
    low_misses = high_misses = 0
    for _ in range(400):
        ours, theirs = rng.random(400) < 0.75, rng.random(400) < 0.8
        found = confidence_sequence(
            ACCURACY, mean_sums(ours), mean_sums(theirs), alpha=0.1, ends=ENDS[1:], betting=betting
        )
        low_misses += any(bounds.low > -0.05 for bounds in found)
        high_misses += any(bounds.high < -0.05 for bounds in found)
    allowed = 0.1 * 400 + 3 * np.sqrt(400 * 0.1 * 0.9)
    assert low_misses <= allowed
    assert high_misses <= allowed


def test_a_fixed_sample_interval_does_not_hold_at_all_batches():
    """The same looks with a 90% interval for a fixed sample miss far more often than 10%."""
    rng = np.random.default_rng(11)
    misses = 0
    for _ in range(400):
        gains = (rng.random(400) < 0.75) * 1.0 - (rng.random(400) < 0.8)
        lows = [
            gains[:end].mean() - norm.isf(0.1) * gains[:end].std() / np.sqrt(end) for end in ENDS
        ]
        misses += max(lows) > -0.05
    assert misses > 0.1 * 400 + 3 * np.sqrt(400 * 0.1 * 0.9)


def test_micro_f1_bounds_hold_at_all_batches_at_once():
    rng = np.random.default_rng(12)
    misses = 0
    for _ in range(300):
        # True F1 on both sides: 2 * 3.2 / (3.2 + 4 + 0.5).
        pair = [
            f1_sums(rng.binomial(4, 0.8, 400), rng.poisson(0.5, 400)) for _ in ("ours", "theirs")
        ]
        found = confidence_sequence(MICRO_F1, *pair, alpha=0.1, ends=ENDS[1:], betting=False)
        misses += any(bounds.low > 0 for bounds in found)
    assert misses <= 0.1 * 300 + 3 * np.sqrt(300 * 0.1 * 0.9)


@pytest.mark.parametrize("betting", [True, False])
def test_bounds_only_tighten_and_bracket_the_value(betting):
    rng = np.random.default_rng(13)
    sums = [mean_sums(rng.random(400) < 0.8) for _ in range(2)]
    found = confidence_sequence(ACCURACY, *sums, alpha=0.05, ends=ENDS, betting=betting)
    assert [b.clusters for b in found] == ENDS
    assert all(b.low <= b.value <= b.high for b in found)
    widths = [b.high - b.low for b in found]
    assert widths[-1] < widths[0] / 2


@pytest.mark.parametrize("betting", [True, False])
def test_a_loss_never_seen_in_few_documents_is_not_ruled_out(betting):
    same = mean_sums(np.ones(40))
    [found] = confidence_sequence(ACCURACY, same, same, alpha=0.05, ends=[40], betting=betting)
    assert found.low < -0.05
    assert found.high > 0.05


def test_without_a_reference_the_metric_itself_is_bounded():
    scores = np.random.default_rng(14).random(400) < 0.9
    found = confidence_sequence(
        ACCURACY, mean_sums(scores), None, alpha=0.05, ends=ENDS, betting=True
    )[-1]
    assert 0.8 < found.low < scores.mean() < found.high <= 1


def test_where_lower_is_better_the_gain_is_turned():
    metric = ACCURACY.model_copy(update={"higher_is_better": False})
    rng = np.random.default_rng(15)
    often, seldom = mean_sums(rng.random(400) < 0.6), mean_sums(rng.random(400) < 0.2)
    for betting in (True, False):
        found = confidence_sequence(metric, seldom, often, alpha=0.05, ends=ENDS, betting=betting)[
            -1
        ]
        assert found.low > 0


def test_an_alpha_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"alpha: expected a one-sided error rate in \(0, 0\.5\)"):
        confidence_sequence(ACCURACY, mean_sums([1, 0]), None, alpha=0.6, ends=[2], betting=True)
