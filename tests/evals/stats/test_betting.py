import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from evals.metric import Metric, count_metrics, f1_ratio, mean_metric
from evals.stats.betting import Bets, can_bet

PAIRED = (-1.0, 1.0)


def test_betting_needs_a_mean_over_documents_of_one_size():
    accuracy = mean_metric("accuracy", binary=True)
    assert can_bet(accuracy, [1, 1, 1])
    assert can_bet(accuracy, [2, 2])
    assert not can_bet(accuracy, [1, 2])
    assert not can_bet(count_metrics()[0], [1, 1])
    assert not can_bet(Metric(name="macro", ratios=(f1_ratio(".a"), f1_ratio(".b"))), [1])


def rare_losses(rng):
    """Nothing but one document in twenty that is lost wholly."""
    return -(rng.random(400) < 0.05).astype(float)


def right_or_wrong(rng):
    return (rng.random(400) < 0.75).astype(float) - (rng.random(400) < 0.8)


def rare_gains_over_many_small_losses(rng):
    return np.where(rng.random(400) < 0.05, 0.9, -0.1)


@pytest.mark.parametrize(
    ("draw", "mean"),
    [(rare_losses, -0.05), (right_or_wrong, -0.05), (rare_gains_over_many_small_losses, -0.05)],
)
@pytest.mark.parametrize("alpha", [0.1, 0.05])
def test_error_over_all_moments_together_is_at_most_alpha(draw, mean, alpha):
    rng = np.random.default_rng(11)
    bets = [Bets(draw(rng), PAIRED) for _ in range(1000)]
    # The p-value after 400 documents is one over the most that the bets were ever worth.
    allowed = binom.ppf(0.999, 1000, alpha)
    assert sum(b.p_above(mean) <= alpha for b in bets) <= allowed
    assert sum(b.p_below(mean) <= alpha for b in bets) <= allowed


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), alpha=st.floats(0.002, 0.3), threshold=st.floats(-0.4, 0.4))
def test_p_is_at_most_alpha_exactly_where_the_bound_passes_the_threshold(seed, alpha, threshold):
    bets = Bets(right_or_wrong(np.random.default_rng(seed)), PAIRED)
    for p_value, shown, clear in (
        (bets.p_above(threshold), bets.low(alpha) > threshold, bets.low(alpha) - threshold),
        (bets.p_below(threshold), bets.high(alpha) < threshold, bets.high(alpha) - threshold),
    ):
        if abs(clear) > 1e-6:
            assert (p_value <= alpha) == shown


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), alpha=st.floats(0.002, 0.3))
def test_more_documents_never_widen_the_bounds(seed, alpha):
    gains = right_or_wrong(np.random.default_rng(seed))
    seen = [Bets(gains[:end], PAIRED) for end in range(20, 401, 76)]
    lows, highs = [b.low(alpha) for b in seen], [b.high(alpha) for b in seen]
    assert lows == sorted(lows)
    assert highs == sorted(highs, reverse=True)
    assert -1 <= lows[-1] <= 1
    assert -1 <= highs[-1] <= 1


def test_a_smaller_alpha_gives_wider_bounds():
    bets = Bets(right_or_wrong(np.random.default_rng(3)), PAIRED)
    assert bets.low(0.01) < bets.low(0.1) < bets.gains.mean() < bets.high(0.1) < bets.high(0.01)


def test_turning_every_gain_mirrors_the_bounds():
    bets = Bets(right_or_wrong(np.random.default_rng(4)), PAIRED)
    assert bets.mirrored().low(0.05) == -bets.high(0.05)
    assert bets.mirrored().p_above(0.1) == bets.p_below(-0.1)


@pytest.mark.parametrize("documents", [20, 40])
def test_a_loss_never_seen_in_few_documents_is_not_ruled_out(documents):
    same = Bets(np.zeros(documents), PAIRED)
    assert same.low(0.05) < -(1 - 0.05 ** (1 / documents))
    assert same.high(0.05) > 1 - 0.05 ** (1 / documents)


def test_scores_of_one_system_are_bounded_within_their_support():
    scores = (np.random.default_rng(14).random(400) < 0.9).astype(float)
    bets = Bets(scores, (0.0, 1.0))
    assert 0.8 < bets.low(0.05) < scores.mean() < bets.high(0.05) <= 1
