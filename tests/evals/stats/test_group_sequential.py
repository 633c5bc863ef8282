import numpy as np
import pytest
from scipy.stats import binom, norm

from evals.stats.group_sequential import look_levels

HALVES = (0.5, 1.0)
FIFTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


def bounds(*arguments):
    return [norm.isf(level) for level in look_levels(*arguments)]


@pytest.mark.parametrize(
    ("spending", "shares", "published"),
    [
        # Critical values of Lan and DeMets' spending functions at one-sided 0.025 and equal steps, as
        # in Reboussin, DeMets, Kim and Lan 2000 (Controlled Clinical Trials 21:190) and Jennison and
        # Turnbull 2000, chapter 7.
        ("obrien-fleming", HALVES, [2.963, 1.969]),
        ("obrien-fleming", (1 / 3, 2 / 3, 1.0), [3.710, 2.511, 1.993]),
        ("obrien-fleming", FIFTHS, [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", HALVES, [2.157, 2.201]),
        ("pocock", FIFTHS, [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_critical_values_are_those_published(spending, shares, published):
    assert bounds(0.025, shares, spending) == pytest.approx(published, abs=0.003)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
@pytest.mark.parametrize("shares", [HALVES, FIFTHS, (0.1, 0.15, 0.7, 1.0)])
@pytest.mark.parametrize("alpha", [0.1, 0.01])
def test_one_look_or_more_errs_with_a_chance_of_alpha(spending, shares, alpha):
    rng = np.random.default_rng(21)
    steps = np.sqrt(np.diff([0.0, *shares]))
    scores = np.cumsum(rng.normal(size=(200_000, len(shares))) * steps, axis=1) / np.sqrt(shares)
    crossed = (scores > bounds(alpha, shares, spending)).any(axis=1).sum()
    assert binom.ppf(0.0005, 200_000, alpha) <= crossed <= binom.ppf(0.9995, 200_000, alpha)


@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_a_single_look_has_all_of_alpha(spending):
    assert look_levels(0.05, (1.0,), spending) == (pytest.approx(0.05),)


def test_a_look_that_comes_too_early_decides_nothing():
    levels = look_levels(0.05, (0.01, 0.5, 1.0))
    assert levels[0] == 0.0
    assert levels[1:] == pytest.approx(look_levels(0.05, HALVES), rel=1e-3)


def test_looks_that_end_before_all_documents_spend_less_than_alpha():
    assert max(look_levels(0.05, (0.3, 0.6))) < 0.05


@pytest.mark.parametrize("shares", [(), (0.5, 0.5), (0.6, 0.4), (0.0, 1.0), (0.5, 1.1)])
def test_shares_that_do_not_rise_to_all_documents_are_refused(shares):
    with pytest.raises(ValueError, match="shares"):
        look_levels(0.05, shares)


@pytest.mark.parametrize("alpha", [0.0, 0.5])
def test_an_alpha_out_of_range_is_refused(alpha):
    with pytest.raises(ValueError, match="alpha"):
        look_levels(alpha, HALVES)
