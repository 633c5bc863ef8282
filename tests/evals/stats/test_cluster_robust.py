import numpy as np
import pytest
import statsmodels.api as sm
from evals.stats.cluster_robust import RobustLaw, cluster_robust_difference
from scipy.stats import binom


def clustered(seed, clusters=40):
    """Differences of rows, the cluster of each, and both summed per cluster."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 7, clusters)
    cluster = np.repeat(np.arange(clusters), sizes)
    rows = rng.normal(0.02, 0.3, len(cluster)) + rng.normal(0, 0.2, clusters)[cluster]
    return rows, cluster, np.bincount(cluster, rows), sizes.astype(float)


@pytest.mark.parametrize("seed", range(4))
def test_standard_error_is_that_of_statsmodels(seed):
    rows, cluster, sums, sizes = clustered(seed)
    fit = sm.OLS(rows, np.ones(len(rows))).fit(cov_type="cluster", cov_kwds={"groups": cluster})
    # statsmodels also multiplies by (N - 1) / (N - K), which is 1 with a constant alone.
    found = cluster_robust_difference(sums, sizes)
    assert found.value == pytest.approx(fit.params[0], abs=1e-10)
    assert found.standard_error == pytest.approx(fit.bse[0], abs=1e-10)
    assert found.degrees_of_freedom == 39


def test_rows_of_their_own_give_the_ordinary_standard_error():
    values = np.random.default_rng(1).normal(size=50)
    found = cluster_robust_difference(values, np.ones(50))
    assert found.standard_error == pytest.approx(values.std(ddof=1) / np.sqrt(50), abs=1e-12)


def test_one_cluster_has_no_standard_error():
    with pytest.raises(ValueError, match="at least two clusters, got 1"):
        cluster_robust_difference(np.array([0.1]), np.array([3.0]))
    law = RobustLaw(np.array([0.1]), np.array([3.0]))
    assert (law.low(0.05), law.high(0.05), law.p_above(-0.5)) == (-1.0, 1.0, 1.0)


@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.001])
def test_bounds_are_where_the_p_value_is_alpha(alpha):
    _, _, sums, sizes = clustered(2)
    law = RobustLaw(sums, sizes)
    assert law.p_above(law.low(alpha)) == pytest.approx(alpha, rel=1e-6)
    assert law.p_below(law.high(alpha)) == pytest.approx(alpha, rel=1e-6)


@pytest.mark.parametrize("alpha", [0.05, 0.01, 0.0025])
@pytest.mark.parametrize("clusters", [30, 200, 600])
def test_whole_losses_at_the_margin_pass_at_most_at_rate_alpha(clusters, alpha):
    # The error is largest where the margin is just below the bound that k losses give.
    for lost in range(1 + clusters // 8):
        sums = np.zeros(clusters)
        sums[:lost] = -2.0
        margin = -RobustLaw(sums, np.full(clusters, 2.0)).low(alpha)
        assert binom.cdf(lost, clusters, margin) <= alpha
