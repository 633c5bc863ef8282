import numpy as np
import pytest
import statsmodels.api as sm
from evals.stats.cluster_robust import RobustLaw
from statsmodels.stats.power import NormalIndPower, TTestPower

from evals.stats.power import (
    design_effect,
    intra_cluster_correlation,
    minimum_detectable_effect,
    power_of_noninferiority,
    required_clusters,
)


@pytest.mark.parametrize(("deviation", "margin", "gain"), [(0.3, 0.02, 0.0), (0.5, 0.05, -0.01)])
def test_power_is_that_of_statsmodels_without_clusters(deviation, margin, gain):
    effect = (gain + margin) / deviation
    ours = power_of_noninferiority(deviation, 400, margin, gain, alpha=0.05)
    normal = NormalIndPower(ddof=0).power(effect, 400, 0.05, ratio=0, alternative="larger")
    assert ours == pytest.approx(normal, abs=1e-9)
    assert ours == pytest.approx(
        TTestPower().power(effect, 400, 0.05, alternative="larger"), abs=0.01
    )


def test_number_required_is_that_of_statsmodels():
    needed = TTestPower().solve_power(0.02 / 0.3, power=0.8, alpha=0.05, alternative="larger")
    ours = required_clusters(0.3, 0.02, 0.0, alpha=0.05, power=0.8)
    assert ours == pytest.approx(needed, abs=3)
    assert power_of_noninferiority(0.3, ours, 0.02, 0.0, alpha=0.05) >= 0.8
    assert power_of_noninferiority(0.3, ours - 1, 0.02, 0.0, alpha=0.05) < 0.8


def test_detectable_effect_needs_just_the_documents_there_are():
    effect = minimum_detectable_effect(0.3, 500, alpha=0.05, power=0.8)
    assert required_clusters(0.3, effect, 0.0, alpha=0.05, power=0.8) in (500, 501)


def test_no_number_of_documents_shows_what_is_not_so():
    assert required_clusters(0.3, 0.02, -0.02, alpha=0.05, power=0.8) is None


def test_intra_cluster_correlation_is_that_of_an_analysis_of_variance():
    rng = np.random.default_rng(1)
    cluster = np.repeat(np.arange(30), 4)
    values = rng.normal(size=120) + rng.normal(size=30)[cluster]
    groups = np.array([values[cluster == c].mean() for c in range(30)])
    between = 4 * groups.var(ddof=1)
    within = ((values - groups[cluster]) ** 2).sum() / 90
    expected = (between - within) / (between + 3 * within)
    assert intra_cluster_correlation(values, cluster) == pytest.approx(expected)


def test_design_effect_predicts_the_variance_of_a_clustered_mean():
    rng = np.random.default_rng(2)
    cluster = np.repeat(np.arange(400), 5)
    values = rng.normal(size=2000) + rng.normal(0, 0.7, 400)[cluster]
    effect = design_effect(5, intra_cluster_correlation(values, cluster))
    plain = sm.OLS(values, np.ones(2000)).fit()
    robust = plain.get_robustcov_results("cluster", groups=cluster)
    assert (robust.bse[0] / plain.bse[0]) ** 2 == pytest.approx(effect, rel=0.02)


def test_simulated_tests_pass_about_as_often_as_planned():
    rng = np.random.default_rng(3)
    passed = [
        RobustLaw(rng.normal(0, 0.3, 500), np.ones(500)).low(0.05) > -0.04 for _ in range(400)
    ]
    planned = power_of_noninferiority(0.3, 500, 0.04, 0.0, alpha=0.05)
    # The test also allows for a loss never seen, about 1.6 documents' worth.
    allowed = power_of_noninferiority(0.3, 500, 0.04 - 1.6 / 500, 0.0, alpha=0.05)
    assert allowed - 0.07 < np.mean(passed) < planned + 0.07


@pytest.mark.parametrize(
    ("margin", "alpha", "message"), [(-0.02, 0.05, "margin"), (0.02, 0.6, "alpha")]
)
def test_a_margin_or_alpha_out_of_range_is_refused(margin, alpha, message):
    with pytest.raises(ValueError, match=message):
        required_clusters(0.3, margin, 0.0, alpha=alpha, power=0.8)
