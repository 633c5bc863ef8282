import math
import time

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from evals.metric import mean_metric
from evals.stats.contributions import Contributions, of_value
from evals.stats.skew_corrected import LARGEST_P, SMALLEST_P, SkewCorrectedLaw, UnseenLosses

ACCURACY = mean_metric("accuracy")


def law_of(gains, weights=None):
    """A law of documents that add these, each a share of its weight (equal ones by default)."""
    shares = np.full(len(gains), 1 / len(gains)) if weights is None else np.asarray(weights)
    added = np.asarray(gains, dtype=float) * shares
    return SkewCorrectedLaw(Contributions(float(added.sum()), added, shares))


def losses(documents, lost):
    """Equal documents of which some are lost wholly."""
    return law_of(np.where(np.arange(documents) < lost, -1.0, 0.0))


def clustered(seed, clusters=40):
    """Differences of rows, the cluster of each, and the law of them summed per cluster."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, clusters)
    cluster = np.repeat(np.arange(clusters), sizes)
    rows = rng.normal(0.02, 0.3, len(cluster)) + rng.normal(0, 0.2, clusters)[cluster]
    sums = np.bincount(cluster, rows)
    return rows, cluster, law_of(sums / sizes, sizes / sizes.sum())


@st.composite
def laws(draw, fewest=30):
    """Of documents of different size, with losses, noise, both or neither."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    documents = draw(st.integers(fewest, 150))
    weights = rng.dirichlet(np.full(documents, draw(st.sampled_from([0.5, 2.0, 1e6]))))
    gains = rng.normal(0, draw(st.sampled_from([0.0, 0.01, 0.1])), documents)
    gains -= rng.random(documents) < draw(st.sampled_from([0.0, 0.05, 0.3]))
    return law_of(np.clip(gains, -1, 1), weights)


@pytest.mark.parametrize("seed", range(4))
def test_standard_error_is_that_of_statsmodels(seed):
    rows, cluster, law = clustered(seed)
    fit = sm.OLS(rows, np.ones(len(rows))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    # statsmodels also multiplies by (N - 1) / (N - K), which is 1 with a constant alone.
    assert law.contributions.value == pytest.approx(fit.params[0], abs=1e-10)
    assert law.standard_error == pytest.approx(fit.bse[0], abs=1e-10)


def test_rows_of_their_own_give_the_ordinary_standard_error():
    values = np.random.default_rng(1).normal(size=50)
    expected = values.std(ddof=1) / np.sqrt(50)
    assert law_of(values).standard_error == pytest.approx(expected, abs=1e-12)


def test_one_document_proves_nothing():
    law = law_of([0.1])
    assert (law.low(0.05), law.high(0.05), law.p_above(-0.5)) == (-1.0, 1.0, 1.0)
    assert law.standard_error == 0.0


def test_documents_in_which_nothing_is_counted_prove_nothing():
    nothing = SkewCorrectedLaw(Contributions(1.0, np.zeros(50), np.zeros(50)), (0.0, 1.0))
    assert (nothing.low(0.05), nothing.high(0.05), nothing.p_above(0.5)) == (0.0, 1.0, 1.0)


def test_many_noisy_documents_have_the_ordinary_normal_bound():
    values = np.random.default_rng(2).normal(0.0, 0.2, 20_000)
    law = law_of(values)
    expected = values.mean() - 1.645 * law.standard_error
    assert law.low(0.05) == pytest.approx(expected, abs=0.05 * law.standard_error)


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.001])
def test_bounds_are_where_the_p_value_is_alpha(alpha):
    _, _, law = clustered(2)
    assert law.p_above(law.low(alpha)) == pytest.approx(alpha, rel=1e-6)
    assert law.p_below(law.high(alpha)) == pytest.approx(alpha, rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(law=laws(), alpha=st.floats(1e-4, 0.4), threshold=st.floats(-0.5, 0.5))
def test_p_is_at_most_alpha_where_the_bound_passes_the_threshold(law, alpha, threshold):
    p_value = law.p_above(threshold)
    # Bounds are compared at levels a factor of 1.4 apart, so the last digits may disagree.
    if abs(law.low(alpha) - threshold) > 0.002:
        assert (p_value <= alpha) == (law.low(alpha) > threshold)
    assert SMALLEST_P <= p_value <= 1


@settings(max_examples=60, deadline=None)
@given(law=laws(), alpha=st.floats(1e-4, 0.05))
def test_bounds_bracket_the_value(law, alpha):
    assert law.low(alpha) <= law.contributions.value + 1e-12
    assert law.high(alpha) >= law.contributions.value - 1e-12


@settings(max_examples=60, deadline=None)
@given(law=laws(), small=st.floats(1e-6, 0.49), large=st.floats(1e-6, 0.49))
def test_bounds_widen_as_alpha_falls(law, small, large):
    small, large = min(small, large), max(small, large)
    assert law.low(small) <= law.low(large) + 0.002
    assert law.high(small) >= law.high(large) - 0.002


@settings(max_examples=40, deadline=None)
@given(law=laws(), alpha=st.floats(1e-4, 0.4), threshold=st.floats(-0.3, 0.3))
def test_turning_every_gain_mirrors_the_bounds(law, alpha, threshold):
    added = law.contributions
    turned = SkewCorrectedLaw(Contributions(-added.value, -added.gains, added.weights))
    assert turned.low(alpha) == pytest.approx(-law.high(alpha), abs=1e-12)
    assert turned.high(alpha) == pytest.approx(-law.low(alpha), abs=1e-12)
    assert turned.p_below(-threshold) == pytest.approx(law.p_above(threshold), rel=1e-6)


@pytest.mark.parametrize("alpha", [0.4, 0.05, 0.01, 1e-4, 1e-8])
@pytest.mark.parametrize("documents", [2, 5, 30, 200, 3000])
def test_no_loss_among_equal_documents_leaves_exactly_what_chance_can_hide(documents, alpha):
    law = losses(documents, 0)
    exact = 1 - alpha ** (1 / documents)
    # Two documents have so wide a t quantile that a few other levels reach the end of the support.
    assert law.low(alpha) == pytest.approx(-exact, rel=1e-3 if documents == 2 else 1e-6)
    assert law.high(alpha) == pytest.approx(exact, rel=1e-3 if documents == 2 else 1e-6)
    assert law.unseen_cost(alpha) == pytest.approx(exact, rel=1e-6)


@pytest.mark.parametrize("documents", [5, 30, 60])
def test_no_p_value_of_few_equal_documents_is_below_their_chance_without_a_loss(documents):
    for margin in (0.02, 0.1, 0.3):
        chance = (1 - margin) ** documents
        found = losses(documents, 0).p_above(-margin)
        assert found == pytest.approx(chance if chance < LARGEST_P else 1.0, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("documents", [30, 60, 100, 150, 200, 400, 800])
def test_whole_losses_at_the_margin_pass_at_about_alpha_at_most(documents, alpha):
    # The error is largest where the margin is just above the bound that so many losses give.
    lost = [k for k in range(documents // 5) if 0.01 <= -losses(documents, k).low(alpha) <= 0.1]
    assert len(lost) > (0 if documents == 30 else 1) or alpha < 0.05
    for k in lost:
        margin = -losses(documents, k).low(alpha)
        assert binom.cdf(k, documents, margin) <= 1.08 * alpha, (k, margin)


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("documents", [30, 100, 400])
def test_a_floor_exactly_at_the_truth_passes_at_about_alpha_at_most(documents, alpha):
    for wrong in range(documents // 10):
        right = np.where(np.arange(documents) < wrong, 0.0, 2.0)
        sums = np.column_stack([right, np.full(documents, 2.0), np.zeros(documents)])
        low = SkewCorrectedLaw(of_value(ACCURACY, sums), (0.0, 1.0)).low(alpha)
        assert binom.cdf(wrong, documents, 1 - low) <= 1.08 * alpha, (wrong, low)


def test_losses_as_often_as_the_margin_in_noise_pass_at_about_alpha_at_most():
    rng = np.random.default_rng(5)
    passed = 0
    for _ in range(1500):
        gains = rng.normal(0, 0.05, 150) - (rng.random(150) < 0.05)
        passed += law_of(gains).low(0.05) > -0.05
    assert passed <= binom.ppf(0.999, 1500, 1.08 * 0.05)


def test_one_document_that_holds_two_fifths_of_the_rows_never_lets_a_margin_be_shown():
    rng = np.random.default_rng(6)
    weights = np.array([0.4, *np.full(200, 0.003)])
    for noise in (0.0, 0.01, 0.1):
        for _ in range(20):
            law = law_of(rng.normal(0, noise, 201), weights)
            assert law.low(0.05) < -0.1
            assert law.p_above(-0.1) > 0.05
    assert law_of(np.zeros(201), weights).unseen_cost(0.05) == pytest.approx(0.38, abs=0.001)


def test_unequal_documents_vouch_for_less_than_equal_ones():
    uneven = np.random.default_rng(7).dirichlet(np.full(200, 0.3))
    equal = np.full(200, 1 / 200)
    for alpha in (0.05, 0.001):
        assert UnseenLosses(uneven).cost(alpha) > UnseenLosses(equal).cost(alpha)
        assert law_of(np.zeros(200), uneven).low(alpha) == pytest.approx(
            -UnseenLosses(uneven).cost(alpha), rel=1e-6
        )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), alpha=st.floats(0.001, 0.4))
def test_nothing_hidden_costs_more_than_the_worst_allocation_of_chances(seed, alpha):
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.full(6, 0.7))
    # Chances whose documents are all kept with a chance of just alpha.
    shares = rng.dirichlet(np.full(6, 0.5), size=400)
    chances = 1 - np.exp(shares * math.log(alpha))
    assert (chances @ weights).max() <= UnseenLosses(weights).cost(alpha) + 1e-9


def test_twice_the_documents_give_the_law_of_the_doubled_data():
    rng = np.random.default_rng(8)
    sizes = rng.integers(1, 5, 60)
    gains = rng.normal(0, 0.2, 60) - (rng.random(60) < 0.1)
    weights = sizes / sizes.sum()
    doubled = law_of(np.tile(gains, 2), np.tile(weights, 2) / 2)
    twice = law_of(gains, weights).times(2)
    assert twice.standard_error == pytest.approx(doubled.standard_error)
    for alpha in (0.2, 0.05, 0.002):
        assert twice.low(alpha) == pytest.approx(doubled.low(alpha))
        assert twice.high(alpha) == pytest.approx(doubled.high(alpha))
        assert twice.unseen_cost(alpha) == pytest.approx(doubled.unseen_cost(alpha))
    assert twice.p_above(-0.3) == pytest.approx(doubled.p_above(-0.3), rel=1e-5)


def test_a_hundred_thousand_documents_take_a_second_or_two():
    rng = np.random.default_rng(9)
    law = law_of(rng.normal(0, 0.3, 100_000), rng.dirichlet(np.full(100_000, 2.0)))
    start = time.perf_counter()
    low, high = law.low(0.05), law.high(0.05)
    p_values = law.p_above(-0.02), law.p_below(0.5)
    assert time.perf_counter() - start < 3
    assert low < law.contributions.value < high
    assert max(p_values) < 1e-6
