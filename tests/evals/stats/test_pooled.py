import doctest
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binom, binomtest
from statsmodels.stats.contingency_tables import mcnemar

import evals.stats.pooled as module
from evals.stats.pooled import (
    ChangedAnswers,
    least_lost,
    mcnemar_worse,
    minimum_detectable_drop,
    pooled,
    pooled_mcnemar_power,
)

LEADERBOARD_V2 = 25_282
"""Questions of the six tasks of Kuebler et al. 2026."""

# Llama-3.1 8B in Kuebler et al. 2026 (as a published summary of it prints them): drop and changed
# answers in percent, to two digits; p-value of the pooled test.
PRINTED = {
    "same model again": (-0.02, 1.31, 6.29e-01),
    "another GPU": (-0.14, 2.73, 9.21e-01),
    "FP8": (-0.04, 8.71, 6.01e-01),
    "KV cache in FP8": (0.79, 9.03, 1.69e-05),
    "INT4 weights": (1.73, 12.63, 4.80e-15),
    "2:4 sparse": (2.59, 20.99, 1.09e-19),
}


def test_examples_of_the_docstrings():
    found = doctest.testmod(module)
    assert found.attempted > 8
    assert found.failed == 0


@pytest.mark.parametrize("variant", PRINTED)
def test_p_values_of_the_paper_follow_from_its_printed_drops_and_changed_answers(variant):
    drop, changed, printed = PRINTED[variant]
    digits = f"{printed:.2e}"
    counts = [
        ((number + net) // 2, (number - net) // 2)
        for number in range(1, LEADERBOARD_V2)
        if round(100 * number / LEADERBOARD_V2, 2) == changed
        for net in range(-1000, 1000)
        if round(100 * net / LEADERBOARD_V2, 2) == drop and (number + net) % 2 == 0
    ]
    assert 1 <= len(counts) <= 6
    assert digits in {f"{mcnemar_worse(*count):.2e}" for count in counts}


@pytest.mark.parametrize(("lost", "gained"), [(0, 5), (5, 0), (12, 9), (40, 71), (163, 168)])
def test_both_p_values_are_those_of_scipy_and_statsmodels(lost, gained):
    counts = ChangedAnswers(lost, gained, 1000)
    one_sided = binomtest(lost, lost + gained, alternative="greater").pvalue
    assert counts.p_worse == pytest.approx(one_sided)
    theirs = mcnemar([[10, gained], [lost, 20]], exact=True).pvalue
    assert counts.p_two_sided == pytest.approx(theirs)


def test_tasks_pool_to_the_sum_of_their_counts_in_any_order_and_any_parts():
    parts = [ChangedAnswers(3, 1, 100), ChangedAnswers(0, 4, 40), ChangedAnswers(9, 4, 1360)]
    together = ChangedAnswers(12, 9, 1500)
    assert pooled(parts) == pooled(parts[::-1]) == together
    assert pooled([pooled(parts[:2]), parts[2]]) == together
    assert pooled([]) == ChangedAnswers(0, 0, 0)


@pytest.mark.parametrize("counts", [(-1, 3, 9), (3, -1, 9), (5, 5, 9)])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="expected counts"):
        ChangedAnswers(*counts)
    with pytest.raises(ValueError, match="got -1 and 3"):
        mcnemar_worse(-1, 3)


def test_the_fewest_lost_answers_reach_alpha_and_one_fewer_does_not():
    for alpha in (0.05, 0.03125, 0.01):
        for changed in range(60):
            needed = int(least_lost(np.array([changed]), alpha)[0])
            if needed <= changed:
                assert mcnemar_worse(needed, changed - needed) <= alpha
            if 0 < needed <= changed + 1:
                assert mcnemar_worse(needed - 1, changed - needed + 1) > alpha


def test_power_of_a_few_answers_is_that_of_all_possible_outcomes():
    rows, changed, drop, alpha = 6, 0.7, 0.5, 0.05
    chances = {1: (changed - drop) / 2, -1: (changed + drop) / 2, 0: 1 - changed}
    total = 0.0
    for outcome in product((1, -1, 0), repeat=rows):
        lost, gained = outcome.count(-1), outcome.count(1)
        if mcnemar_worse(lost, gained) <= alpha:
            total += float(np.prod([chances[answer] for answer in outcome]))
    assert 0.01 < total < 0.9
    found = pooled_mcnemar_power(rows, changed, drop, alpha=alpha)
    assert found == pytest.approx(total, rel=1e-9)


@pytest.mark.parametrize("rows", [20, 300, 5000])
@pytest.mark.parametrize("changed", [0.01, 0.1, 0.9])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
def test_a_harmless_change_is_flagged_at_most_alpha_of_the_time(rows, changed, alpha):
    assert pooled_mcnemar_power(rows, changed, 0.0, alpha=alpha) <= alpha


def test_power_is_near_the_papers_formula_where_counts_are_large():
    """Power follows from sqrt(N / changed) * drop (their equation for the signal-to-noise ratio)."""
    for changed in (0.0131, 0.0273, 0.0903):
        ratio = np.sqrt(LEADERBOARD_V2 / changed) * 0.003
        formula = NormalDist().cdf(ratio - NormalDist().inv_cdf(0.95))
        exact = pooled_mcnemar_power(LEADERBOARD_V2, changed, 0.003, alpha=0.05)
        assert exact == pytest.approx(formula, abs=0.02)


def test_the_smallest_detectable_drop_is_found_with_that_chance():
    drop = minimum_detectable_drop(LEADERBOARD_V2, 0.0273, alpha=0.05, power=0.8)
    assert pooled_mcnemar_power(LEADERBOARD_V2, 0.0273, drop, alpha=0.05) == pytest.approx(
        0.8, abs=0.01
    )
    assert drop < 0.003


def test_without_any_changed_answer_the_detectable_drop_is_that_of_losses_alone():
    drop = minimum_detectable_drop(1500, 0.0, alpha=0.05)
    # Five lost answers and none gained are the fewest that show at 0.05.
    assert binom.sf(4, 1500, drop) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize(
    "arguments", [(0, 0.1, 0.0), (100, 0.1, 0.2), (100, 1.1, 0.0), (100, -0.1, 0.0)]
)
def test_a_power_of_what_cannot_be_is_refused(arguments):
    with pytest.raises(ValueError, match="expected rows >= 1"):
        pooled_mcnemar_power(*arguments, alpha=0.05)
    with pytest.raises(ValueError, match="power: expected"):
        minimum_detectable_drop(100, 0.1, alpha=0.05, power=0.04)
