import pytest

from evals.stats.max_t import level_of_largest


@pytest.mark.parametrize("alpha", [0.001, 0.01, 0.04, 0.05])
@pytest.mark.parametrize("candidates", [2, 3, 5])
def test_candidates_that_are_nearly_the_same_get_a_level_that_rises_to_alpha(candidates, alpha):
    """A coarse quadrature missed the step of near-equal candidates: too lenient, or no level at all."""
    alike = [0.9, 0.98, 0.99, 0.999, 0.99999, 1.0]
    levels = [level_of_largest(candidates, correlation, alpha) for correlation in alike]
    assert levels == sorted(levels)
    assert alpha / candidates < levels[0]
    assert levels[3] < 0.99 * alpha
    assert levels[-1] == alpha
