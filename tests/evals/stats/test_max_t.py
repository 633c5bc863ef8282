import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, multivariate_normal, norm

from evals.stats.contributions import Contributions
from evals.stats.max_t import least_correlation, level_of_largest, step_down_levels
from evals.stats.multiplicity import holm_levels

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=6).map(
    lambda values: {f"c{number}": value for number, value in enumerate(values)}
)


def correlated(rng, size, candidates, correlation):
    shared = rng.normal(size=(size, 1)) * np.sqrt(correlation)
    return shared + rng.normal(size=(size, candidates)) * np.sqrt(1 - correlation)


@pytest.mark.parametrize("candidates", [1, 2, 5])
def test_unlike_candidates_get_bonferroni_and_equal_ones_all_of_alpha(candidates):
    assert level_of_largest(candidates, 0.0, 0.05) == pytest.approx(0.05 / candidates)
    assert level_of_largest(candidates, -0.4, 0.05) == pytest.approx(0.05 / candidates)
    assert level_of_largest(candidates, 1.0, 0.05) == 0.05


@settings(max_examples=40, deadline=None)
@given(
    candidates=st.integers(2, 12), alpha=st.floats(0.001, 0.2),
    one=st.floats(0, 1), other=st.floats(0, 1),
)  # fmt: skip
def test_levels_rise_with_the_correlation_between_bonferroni_and_alpha(
    candidates, alpha, one, other
):
    low, high = (level_of_largest(candidates, r, alpha) for r in sorted((one, other)))
    assert alpha / candidates <= low <= high * (1 + 1e-3)
    assert high <= alpha


@pytest.mark.parametrize("correlation", [0.2, 0.5, 0.8, 0.95])
@pytest.mark.parametrize("candidates", [2, 3])
def test_the_largest_of_correlated_normals_exceeds_the_bound_with_a_chance_of_alpha(
    candidates, correlation
):
    level = level_of_largest(candidates, correlation, 0.05)
    covariance = np.full((candidates, candidates), correlation) + np.eye(candidates) * (
        1 - correlation
    )
    law = multivariate_normal(np.zeros(candidates), covariance, seed=1)
    assert 1 - law.cdf(np.full(candidates, norm.isf(level))) == pytest.approx(0.05, abs=3e-4)


@settings(max_examples=60, deadline=None)
@given(p_values=P_VALUES, alpha=st.floats(0.001, 0.4), correlation=st.floats(0, 1))
def test_no_level_is_stricter_than_that_of_holm(p_values, alpha, correlation):
    levels, holm = step_down_levels(p_values, alpha, correlation), holm_levels(p_values, alpha)
    assert list(levels) == list(p_values)
    assert all(holm[name] <= levels[name] * (1 + 1e-9) <= alpha * (1 + 1e-9) for name in p_values)


@settings(max_examples=40, deadline=None)
@given(p_values=P_VALUES, alpha=st.floats(0.001, 0.4))
def test_of_unlike_candidates_the_levels_are_those_of_holm(p_values, alpha):
    assert step_down_levels(p_values, alpha, 0.0) == pytest.approx(holm_levels(p_values, alpha))


def test_a_value_that_is_no_p_value_or_alpha_is_refused():
    with pytest.raises(ValueError, match="p-value of b"):
        step_down_levels({"a": 0.1, "b": 1.1}, 0.05, 0.3)
    with pytest.raises(ValueError, match="alpha"):
        level_of_largest(3, 0.3, 0.6)


@pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("good", [0, 1, 2])
def test_a_bad_candidate_is_passed_with_a_chance_of_at_most_alpha(correlation, good):
    """Four candidates, the first few far better than the threshold and the others just on it."""
    rng = np.random.default_rng(7)
    trials, wrong = 3000, 0
    statistics = correlated(rng, trials, 4, correlation) + 5.0 * (np.arange(4) < good)
    for p_values in norm.sf(statistics):
        named = {str(number): float(p) for number, p in enumerate(p_values)}
        levels = step_down_levels(named, 0.05, correlation)
        wrong += any(named[str(k)] <= levels[str(k)] for k in range(good, 4))
    assert wrong <= binom.ppf(0.9995, trials, 0.05)


def test_using_the_smallest_of_unequal_correlations_is_on_the_safe_side():
    covariance = np.array([[1.0, 0.9, 0.3], [0.9, 1.0, 0.5], [0.3, 0.5, 1.0]])
    statistics = np.random.default_rng(8).multivariate_normal(np.zeros(3), covariance, 200_000)
    bound = norm.isf(level_of_largest(3, 0.3, 0.05))
    assert 0.03 < (statistics.max(axis=1) > bound).mean() <= 0.05


def added(gains):
    gains = np.asarray(gains, dtype=float) / len(gains)
    return Contributions(float(gains.sum()), gains, np.full(len(gains), 1 / len(gains)))


def test_the_least_correlation_is_that_of_the_documents_contributions():
    gains = correlated(np.random.default_rng(9), 300, 3, 0.6).T
    tests = [[(added(row), 0.0)] for row in gains]
    expected = np.corrcoef(gains)[np.triu_indices(3, 1)].min()
    assert least_correlation(tests) == pytest.approx(expected)


def test_losses_that_were_not_seen_are_not_taken_to_be_shared():
    gains = added(np.random.default_rng(10).normal(size=200))
    variance = float(gains.residuals @ gains.residuals)
    assert least_correlation([[(gains, 0.0)], [(gains, 0.0)]]) == pytest.approx(1.0)
    assert least_correlation([[(gains, variance)], [(gains, variance)]]) == pytest.approx(0.5)


def test_every_test_of_a_candidate_counts_and_none_below_zero():
    rng = np.random.default_rng(11)
    first, second = added(rng.normal(size=200)), added(rng.normal(size=200))
    turned = Contributions(-first.value, -first.gains, first.weights)
    alike, mixed = [(first, 0.0)], [(first, 0.0), (second, 0.0)]
    assert least_correlation([alike, mixed]) < 0.3
    assert least_correlation([alike, [(turned, 0.0)]]) == 0.0


@pytest.mark.parametrize("other", [[], [(added(np.arange(50.0)), 0.0)]], ids=["none", "fewer"])
def test_tests_on_unknown_or_other_documents_have_nothing_in_common(other):
    assert least_correlation([[(added(np.arange(60.0)), 0.0)], other]) == 0.0


def test_documents_that_do_not_differ_have_no_correlation():
    assert least_correlation([[(added(np.zeros(60)), 0.0)], [(added(np.zeros(60)), 0.0)]]) == 0.0
