import numpy as np
import pytest
from scipy.stats import spearmanr

from evals.judge.length_bias import length_bias, partial_rank_correlation


def answers(rng, rows=200):
    """Better answers are longer here, as they often are."""
    human = rng.integers(0, 5, rows)
    lengths = human * 10 + rng.normal(0, 20, rows)
    return human, lengths, [f"d{i // 2}" for i in range(rows)]


def test_without_a_third_column_it_is_spearmans_correlation():
    rng = np.random.default_rng(0)
    table = rng.integers(0, 6, (50, 2)).astype(float)
    assert partial_rank_correlation(table) == pytest.approx(spearmanr(table).statistic)


def test_the_partial_correlation_is_that_of_the_residuals_of_ranks():
    rng = np.random.default_rng(1)
    ranks = np.column_stack([rng.permutation(60) for _ in range(3)]).astype(float)
    ranks[:, 0] = np.argsort(np.argsort(ranks[:, 0] + ranks[:, 2]))
    design = np.column_stack([np.ones(60), ranks[:, 2]])
    left = ranks[:, :2] - design @ np.linalg.lstsq(design, ranks[:, :2], rcond=None)[0]
    expected = np.corrcoef(left, rowvar=False)[0, 1]
    assert partial_rank_correlation(ranks) == pytest.approx(expected)


def test_what_does_not_vary_correlates_with_nothing():
    column = np.arange(10.0)
    assert partial_rank_correlation(np.column_stack([np.ones(10), column])) == 0
    assert partial_rank_correlation(np.column_stack([column, column, column])) == 0
    constant = np.column_stack([column, column, np.ones(10)])
    assert partial_rank_correlation(constant) == pytest.approx(1)


def test_a_judge_that_rewards_length_is_found_at_equal_human_scores():
    human, lengths, clusters = answers(np.random.default_rng(2))
    scores = human + 0.05 * lengths
    found = length_bias("c", scores, lengths, clusters, human=human, alpha=0.05)
    assert found.controlled
    assert found.correlation.low > 0.3
    assert (found.rows, found.clusters) == (200, 100)


def test_a_fair_judge_is_not_accused_because_better_answers_are_longer():
    rng = np.random.default_rng(3)
    human, lengths, clusters = answers(rng)
    scores = np.clip(human + rng.integers(-1, 2, len(human)), 0, 4)
    fair = length_bias("c", scores, lengths, clusters, human=human, alpha=0.05)
    assert fair.correlation.low < 0 < fair.correlation.high
    uncontrolled = length_bias("c", scores, lengths, clusters, alpha=0.05)
    assert not uncontrolled.controlled
    assert uncontrolled.correlation.low > 0.2
