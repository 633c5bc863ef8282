import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import binom, norm
from statsmodels.stats.contingency_tables import mcnemar

from evals.stats.binary import CORRECTION, TangoLaw, mcnemar_exact, tango_z


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (5, 0), (3, 9), (40, 44), (12, 12)])
def test_mcnemar_is_that_of_statsmodels(gained, lost):
    theirs = mcnemar([[10, gained], [lost, 20]], exact=True).pvalue
    assert mcnemar_exact(gained, lost) == pytest.approx(theirs)


def test_negative_counts_are_refused():
    with pytest.raises(ValueError, match="-1"):
        mcnemar_exact(-1, 3)


def score_by_brute_force(gained, lost, rows, difference):
    """Tango's statistic with the restricted likelihood maximised by search, not by formula."""

    def cost(share_lost):
        share_gained = share_lost + difference
        same = 1 - share_lost - share_gained
        return -(
            gained * np.log(share_gained) + lost * np.log(share_lost)
            + (rows - gained - lost) * np.log(same)
        )  # fmt: skip

    low, high = max(0, -difference) + 1e-12, (1 - difference) / 2 - 1e-12
    found = minimize_scalar(cost, bounds=(low, high), method="bounded", options={"xatol": 1e-12}).x
    variance = (2 * found + difference - difference**2) * rows
    return (gained - lost - rows * difference) / np.sqrt(variance)


@pytest.mark.parametrize(
    ("gained", "lost", "rows", "difference"),
    [(4, 9, 50, -0.02), (4, 9, 50, 0.1), (20, 11, 300, -0.05), (2, 1, 30, 0.3)],
)
def test_score_statistic_uses_the_restricted_maximum_of_likelihood(gained, lost, rows, difference):
    expected = score_by_brute_force(gained, lost, rows, difference)
    assert tango_z(gained, lost, rows, difference) == pytest.approx(expected, rel=1e-5)


def test_without_a_difference_the_score_statistic_is_mcnemars():
    assert tango_z(9, 4, 50, 0.0) == pytest.approx((9 - 4) / np.sqrt(9 + 4))


def test_bounds_are_where_the_p_value_is_alpha():
    law = TangoLaw(14, 9, 180)
    for alpha in (0.2, 0.05, 0.003):
        assert law.p_above(law.low(alpha)) == pytest.approx(alpha, abs=1e-6)
        assert law.p_below(law.high(alpha)) == pytest.approx(alpha, abs=1e-6)
        assert law.low(alpha) < 5 / 180 < law.high(alpha)


def test_swapping_the_systems_mirrors_the_bounds():
    there, back = TangoLaw(14, 3, 90), TangoLaw(3, 14, 90)
    assert there.low(0.05) == pytest.approx(-back.high(0.05))
    assert there.p_above(-0.02) == pytest.approx(back.p_below(0.02))


@pytest.mark.parametrize(("gained", "lost"), [(0, 0), (20, 0), (0, 20)])
def test_extreme_tables_have_bounds_within_the_possible(gained, lost):
    law = TangoLaw(gained, lost, 20)
    assert -1 <= law.low(0.05) <= (gained - lost) / 20 <= law.high(0.05) <= 1
    assert law.high(0.05) - law.low(0.05) > 0.05


def exact_errors(rows, margin, discordance, correction, alphas):
    """Chance of each one-sided error at the margin, by enumeration of all tables."""
    gain_share = max(0.0, (discordance - margin) / 2) / discordance
    most = int(binom.ppf(1 - 1e-9, rows, discordance))
    discordant, gained = np.meshgrid(np.arange(most + 1), np.arange(most + 1), indexing="ij")
    possible = gained <= discordant
    discordant, gained = discordant[possible], gained[possible]
    chance = binom.pmf(discordant, rows, discordance)
    chance = chance * binom.pmf(gained, discordant, gain_share)
    z = tango_z(gained, discordant - gained, rows, -margin, correction)
    return [chance[z >= norm.isf(alpha)].sum() for alpha in alphas]


@pytest.mark.parametrize("rows", [50, 200, 1000])
def test_error_at_the_margin_is_at_most_alpha(rows):
    alphas = np.array([0.05, 0.025, 0.01, 0.0025])
    for margin in (0.005, 0.02, 0.03, 0.1):
        for factor in (1, 1.2, 2, 4):
            errors = exact_errors(rows, margin, min(0.4, margin * factor), CORRECTION, alphas)
            assert (np.array(errors) <= alphas).all(), (margin, factor, errors)
        assert (np.array(exact_errors(rows, margin, 0.4, CORRECTION, alphas)) <= alphas).all()


def test_without_the_correction_the_error_exceeds_alpha():
    [error] = exact_errors(200, 0.03, 0.03, 0.0, [0.05])
    assert error > 0.058
