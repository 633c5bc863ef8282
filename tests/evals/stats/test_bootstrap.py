import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

from evals.stats.bootstrap import resample, resample_guarded, resampled_counts


def ratio(totals):
    return totals[..., 0] / totals[..., 1]


def skewed_sums(clusters, seed=3):
    rng = np.random.default_rng(seed)
    bottom = rng.integers(1, 9, clusters).astype(float)
    return np.column_stack([bottom * rng.beta(5, 1, clusters), bottom])


def law_of(sums, resamples=2000, seed=1):
    return resample(sums, ratio, resamples=resamples, seed=seed, support=(0.0, 1.0))


@pytest.mark.parametrize(("clusters", "tail"), [(25, 0.025), (25, 0.05), (300, 0.025)])
def test_bounds_agree_with_scipys_bca_to_a_thirtieth_of_the_width(clusters, tail):
    sums = skewed_sums(clusters)
    law = law_of(sums, resamples=40_000)
    theirs = bootstrap(
        (np.arange(clusters),),
        lambda indices, axis=-1: ratio(sums[indices].sum(axis=-2)),
        n_resamples=40_000, batch=2000, method="BCa", confidence_level=1 - 2 * tail,
        vectorized=True, rng=np.random.default_rng(9),
    ).confidence_interval  # fmt: skip
    # Both are random: a bound of 40,000 resamples has a standard error of about 1% of the width.
    tolerance = (theirs.high - theirs.low) / 30
    assert law.low(tail) == pytest.approx(theirs.low, abs=tolerance)
    assert law.high(tail) == pytest.approx(theirs.high, abs=tolerance)


def test_every_resample_has_as_many_clusters_as_there_are():
    seen = []
    resampled_counts(7, 5000, 1, lambda counts, rows: seen.append((counts.copy(), rows)))
    counts = np.vstack([counts for counts, _ in seen])
    assert counts.shape == (5000, 7)
    assert (counts.sum(axis=1) == 7).all()
    assert counts.mean(axis=0) == pytest.approx(np.ones(7), abs=0.06)
    assert seen[-1][1].stop == 5000


def test_memory_is_bounded_by_drawing_some_resamples_at_a_time():
    sizes = []
    resampled_counts(5000, 300, 1, lambda counts, rows: sizes.append(counts.size))
    assert max(sizes) <= 1 << 18
    assert sum(sizes) == 300 * 5000


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 10_000), clusters=st.integers(2, 40), alpha=st.floats(0.002, 0.499),
    threshold=st.floats(-0.1, 1.1), step=st.sampled_from([-1e-9, 0, 1e-9]),
)  # fmt: skip
def test_p_is_at_most_alpha_exactly_where_the_bound_passes_the_threshold(
    seed, clusters, alpha, threshold, step
):
    law = law_of(skewed_sums(clusters, seed), resamples=999, seed=seed)
    low, high = law.low(alpha), law.high(alpha)
    for at in (threshold, low + step, high + step):
        for p_value, passed in ((law.p_above(at), low > at), (law.p_below(at), high < at)):
            assert p_value >= 1 / 1000
            # Where p is alpha but for rounding, either answer is right.
            if abs(p_value - alpha) > 1e-9:
                assert (p_value <= alpha) == passed


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), clusters=st.integers(2, 30))
def test_p_values_rise_with_the_threshold(seed, clusters):
    law = law_of(skewed_sums(clusters, seed), resamples=500, seed=seed)
    p_values = [law.p_above(threshold) for threshold in np.linspace(-0.1, 1.1, 60)]
    assert p_values == sorted(p_values)


def test_an_alpha_beyond_the_resamples_gets_no_bound():
    law = law_of(skewed_sums(50), resamples=99)
    assert (law.low(0.005), law.high(0.005)) == (0.0, 1.0)
    assert law.low(0.02) > 0.0


def test_no_number_of_resamples_gives_a_p_value_of_zero():
    law = law_of(skewed_sums(50), resamples=999)
    assert law.p_above(-5.0) == pytest.approx(1 / 1000)
    assert law.p_above(5.0) == 1.0


def test_identical_clusters_give_percentile_bounds_without_width():
    law = law_of(np.tile([0.7, 1.0], (20, 1)))
    assert (law.bias, law.acceleration) == (0.0, 0.0)
    assert law.low(0.05) == pytest.approx(0.7)
    assert law.high(0.05) == pytest.approx(0.7)


def test_one_resampling_serves_both_guards():
    sums = skewed_sums(40)
    options = {"resamples": 1500, "seed": 5, "support": (0.0, 1.0)}
    worst, best = np.array([0.0, 4.0]), np.array([4.0, 4.0])
    lower, upper = resample_guarded(sums, ratio, worst, best, **options)
    for law, guard in ((lower, worst), (upper, best)):
        alone = resample(np.vstack([sums, guard]), ratio, **options)
        assert law.draws == pytest.approx(alone.draws)
        assert (law.bias, law.acceleration) == pytest.approx((alone.bias, alone.acceleration))
    assert lower.low(0.05) < law_of(sums).low(0.05)


def test_seed_decides_the_draws():
    sums = skewed_sums(30)
    assert (law_of(sums, seed=2).draws == law_of(sums, seed=2).draws).all()
    assert not (law_of(sums, seed=2).draws == law_of(sums, seed=3).draws).all()
