import numpy as np
import pytest

from evals.judge.interval import mean_interval, sums_by_document


def test_sums_are_by_document_in_the_order_of_their_keys():
    columns = np.array([[1.0, 10], [2, 20], [4, 40]])
    np.testing.assert_array_equal(sums_by_document(columns, ["b", "a", "b"]), [[2, 20], [5, 50]])


def test_the_bounds_of_a_mean_cover_it_as_often_as_they_say():
    rng = np.random.default_rng(0)
    trials = 200
    missed = [0, 0]
    for _ in range(trials):
        values = rng.beta(2, 2, 50)
        found = mean_interval(
            values, [str(i) for i in range(50)], support=(0.0, 1.0), alpha=0.1
        )  # fmt: skip
        missed[0] += found.low > 0.5
        missed[1] += found.high < 0.5
    assert max(missed) / trials <= 0.1 + 2 * np.sqrt(0.1 * 0.9 / trials)


def test_what_was_never_seen_is_not_excluded():
    found = mean_interval(np.zeros(20), [str(i) for i in range(20)], support=(0.0, 1.0), alpha=0.05)
    assert found.value == found.low == 0
    assert found.high == pytest.approx(3 / 20, abs=0.08)
