import numpy as np
import pytest
from scipy.stats import binom, norm

from evals.metric import count_metrics, mean_metric
from evals.stats.paired import difference_of
from evals.stats.sequential_bounds import Asked, betting_bounds, group_sequential_bounds

ACCURACY = mean_metric("accuracy", binary=True)
MICRO_F1 = count_metrics()[0]
ENDS = list(range(20, 401, 20))
LOOKS = [80, 160, 240, 320, 400]


def mean_sums(scores):
    scores = np.asarray(scores, dtype=float)
    return np.column_stack([scores, np.ones_like(scores), np.zeros_like(scores)])


def f1_sums(found, wrong, gold=4):
    return np.column_stack([2 * found, found + gold + wrong, gold - found]).astype(float)


def asked_of(ours, theirs, documents=None):
    """The first documents; the reference's complete evaluation tells how large the others are."""
    end = len(ours) if documents is None else documents
    complete = ours if theirs is None else theirs
    return Asked(ours[:end], None if theirs is None else theirs[:end], np.ones(end), complete)


def grouped(metric, ours, theirs, threshold=-0.05, *, alpha=0.1, spending="obrien-fleming",
            ends=ENDS, looks=LOOKS):  # fmt: skip
    asked = asked_of(ours, theirs, ends[-1])
    return group_sequential_bounds(
        metric, asked, threshold, alpha=alpha, looks=looks, ends=ends, spending=spending
    )


def betted(metric, ours, theirs, threshold=-0.05, *, alpha=0.1, ends=ENDS):
    return betting_bounds(metric, asked_of(ours, theirs), threshold, alpha=alpha, ends=ends)


@pytest.mark.parametrize("method", [grouped, betted])
def test_bounds_hold_at_all_batches_at_once(method):
    """Of 400 sequences, those whose lower or upper bound is ever on the wrong side of the truth."""
    rng = np.random.default_rng(11)
    low_misses = high_misses = 0
    ends = LOOKS if method is grouped else ENDS[3::4]
    for _ in range(400):
        ours, theirs = rng.random(400) < 0.75, rng.random(400) < 0.8
        found = method(ACCURACY, mean_sums(ours), mean_sums(theirs), ends=ends)
        low_misses += any(b.low > -0.05 or b.shown for b in found)
        high_misses += any(b.high < -0.05 or b.excluded for b in found)
    assert max(low_misses, high_misses) <= binom.ppf(0.999, 400, 0.1)


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
    assert misses > binom.ppf(0.999, 400, 0.1)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_micro_f1_bounds_hold_at_all_looks_at_once(spending):
    rng = np.random.default_rng(12)
    misses = 0
    for _ in range(300):
        pair = [f1_sums(rng.binomial(4, 0.8, 400), rng.poisson(0.5, 400)) for _ in range(2)]
        found = grouped(MICRO_F1, *pair, 0.0, spending=spending, ends=LOOKS)
        misses += any(bounds.low > 0 for bounds in found)
    assert misses <= binom.ppf(0.999, 300, 0.1)


def test_rare_whole_losses_at_the_margin_are_seldom_passed_at_any_look():
    rng = np.random.default_rng(13)
    right = f1_sums(np.full(400, 4), np.zeros(400))
    passed = 0
    for _ in range(400):
        found = f1_sums(np.where(rng.random(400) < 0.05, 0, 4), np.zeros(400))
        # What is lost in recall costs less in F1: 2 (1 - p) / (2 - p).
        margin = 1 - 2 * 0.95 / 1.95
        passed += grouped(MICRO_F1, found, right, -margin, alpha=0.05, ends=LOOKS)[-1].shown
    assert passed <= binom.ppf(0.999, 400, 1.08 * 0.05)


@pytest.mark.parametrize("looks", [[40, 80, 120, 160, 200], [50, 100, 150, 200], [30, 200]])
def test_few_equal_documents_without_a_loss_never_settle_at_a_tiny_level(looks):
    same = f1_sums(np.full(200, 4), np.zeros(200))
    found = grouped(MICRO_F1, same, same, -0.02, alpha=0.01, ends=looks, looks=looks)
    assert not found[0].shown
    for bounds in found:
        assert bounds.low < -(1 - 0.01 ** (1 / bounds.clusters)) + 1e-9


@pytest.mark.parametrize("method", [grouped, betted])
def test_bounds_only_tighten_and_bracket_the_value(method):
    rng = np.random.default_rng(13)
    sums = [mean_sums(rng.random(400) < 0.8) for _ in range(2)]
    found = method(ACCURACY, *sums, alpha=0.05)
    assert [b.clusters for b in found] == ENDS
    assert all(b.low <= b.value <= b.high for b in found)
    widths = [b.high - b.low for b in found]
    assert widths[-1] < widths[0] / 2
    settled = [b.shown for b in found]
    assert settled == sorted(settled)


def test_between_looks_group_sequential_bounds_do_not_change():
    rng = np.random.default_rng(14)
    sums = [f1_sums(rng.binomial(4, 0.8, 400), rng.poisson(0.5, 400)) for _ in range(2)]
    found = {b.clusters: b for b in grouped(MICRO_F1, *sums)}
    assert (found[20].low, found[60].high) == (-1.0, 1.0)
    for end, look in ((180, 160), (220, 160), (260, 240)):
        assert found[end].low == pytest.approx(min(found[look].low, found[end].value))
        assert found[end].shown == found[look].shown


def test_the_last_look_costs_little_of_the_bound_of_a_complete_evaluation():
    rng = np.random.default_rng(15)
    sums = [f1_sums(rng.binomial(4, 0.8, 400), rng.poisson(0.5, 400)) for _ in range(2)]
    last = grouped(MICRO_F1, *sums, alpha=0.05)[-1]
    fixed = difference_of(MICRO_F1, *sums, alpha=0.05, rows=400)
    assert last.low < fixed.low
    assert fixed.value - last.low < 1.1 * (fixed.value - fixed.low)


def test_documents_not_asked_yet_that_are_large_hold_a_decision_back():
    same = f1_sums(np.full(200, 4), np.zeros(200))
    large = same.copy()
    large[120:] *= 30
    looks = [100, 200]
    even, uneven = (
        group_sequential_bounds(
            MICRO_F1, Asked(same[:100], same[:100], np.ones(100), complete), -0.15,
            alpha=0.05, looks=looks, ends=[100], spending="pocock",
        )[0]
        for complete in (same, large)
    )  # fmt: skip
    assert even.shown
    assert not uneven.shown


@pytest.mark.parametrize("method", [grouped, betted])
def test_without_a_reference_the_metric_itself_is_bounded(method):
    scores = np.random.default_rng(14).random(400) < 0.9
    found = method(ACCURACY, mean_sums(scores), None, 0.8, alpha=0.05)[-1]
    assert 0.8 < found.low < scores.mean() < found.high <= 1
    assert found.shown
    assert not found.excluded


@pytest.mark.parametrize("method", [grouped, betted])
def test_what_is_far_below_the_threshold_is_excluded(method):
    rng = np.random.default_rng(16)
    bad, good = mean_sums(rng.random(400) < 0.4), mean_sums(rng.random(400) < 0.9)
    found = method(ACCURACY, bad, good, alpha=0.05)
    assert found[-1].excluded
    assert not any(b.shown for b in found)


@pytest.mark.parametrize("method", [grouped, betted])
def test_where_lower_is_better_the_gain_is_turned(method):
    metric = ACCURACY.model_copy(update={"higher_is_better": False})
    rng = np.random.default_rng(15)
    often, seldom = mean_sums(rng.random(400) < 0.6), mean_sums(rng.random(400) < 0.2)
    assert method(metric, seldom, often, alpha=0.05)[-1].low > 0


def test_documents_that_carry_the_metric_are_counted_so_far():
    rare = np.where(np.arange(400) % 10 == 0, 4, 0)
    sums = np.column_stack([2 * rare, 2 * rare, np.zeros(400)]).astype(float)
    found = grouped(MICRO_F1, sums, sums)
    assert [b.carriers for b in found] == [end // 10 for end in ENDS]


def test_an_alpha_out_of_range_is_refused():
    with pytest.raises(ValueError, match=r"alpha: expected a one-sided error rate in \(0, 0\.5\)"):
        grouped(ACCURACY, mean_sums(np.ones(400)), None, alpha=0.6)
