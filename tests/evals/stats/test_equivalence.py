import numpy as np
import pytest
from statsmodels.stats.weightstats import ttost_paired

from evals.stats.equivalence import tost
from evals.stats.paired import paired_difference


def pair(evaluation_of, rows, seed=1, loss=0.0):
    rng = np.random.default_rng(seed)
    right = rng.random(rows) < 0.9
    ours = np.where(rng.random(rows) < 0.1, rng.random(rows) < 0.9 - loss, right)
    return (
        evaluation_of(tp=[1] * rows, valid=ours, rows_per_document=2),
        evaluation_of("b", tp=[1] * rows, valid=right, rows_per_document=2),
    )


def found(evaluation_of, rows, **options):
    both = pair(evaluation_of, rows, **options)
    return paired_difference(*both, "valid_json", alpha=0.05)


def test_many_documents_show_that_two_alike_systems_are_equivalent(evaluation_of):
    assert tost(found(evaluation_of, 3000), 0.03, 0.05).equivalent
    assert not tost(found(evaluation_of, 60), 0.03, 0.05).equivalent


def test_what_is_clearly_worse_or_better_is_not_equivalent(evaluation_of):
    difference = found(evaluation_of, 3000, loss=0.9)
    assert not tost(difference, 0.03, 0.05).equivalent
    assert tost(difference, 0.03, 0.05).p_value > 0.5


def test_it_is_equivalent_exactly_where_both_bounds_lie_within_the_margin(evaluation_of):
    difference = found(evaluation_of, 600)
    for margin in np.linspace(0.005, 0.1, 40):
        within = -margin < difference.low and difference.high < margin
        assert tost(difference, margin, 0.05).equivalent == within


def test_p_value_is_near_that_of_paired_t_tests(evaluation_of):
    one, other = pair(evaluation_of, 3000)
    means = [e.frame.groupby("cluster")["valid_json"].mean() for e in (one, other)]
    theirs = ttost_paired(*means, -0.012, 0.012)[0]
    ours = tost(found(evaluation_of, 3000), 0.012, 0.05).p_value
    # Ours also allows for a loss never seen.
    assert theirs < ours < theirs + 0.05


@pytest.mark.parametrize(
    ("margin", "alpha", "message"),
    [(-0.02, 0.05, "margin"), (0.0, 0.05, "margin"), (0.02, 0.5, "alpha"), (0.02, 0.0, "alpha")],
)
def test_a_margin_or_alpha_out_of_range_is_refused(evaluation_of, margin, alpha, message):
    with pytest.raises(ValueError, match=message):
        tost(found(evaluation_of, 60), margin, alpha)
