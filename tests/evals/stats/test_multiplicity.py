import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from evals.stats.multiplicity import holm_levels, spend

P_VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=8).map(
    lambda values: {f"c{number}": value for number, value in enumerate(values)}
)


@settings(max_examples=60, deadline=None)
@given(p_values=P_VALUES, alpha=st.floats(0.001, 0.49))
def test_levels_reject_what_the_holm_test_of_statsmodels_rejects(p_values, alpha):
    rejected, adjusted, _, _ = multipletests(list(p_values.values()), alpha, method="holm")
    levels = holm_levels(p_values, alpha)
    ours = np.array([p_value <= levels[name] for name, p_value in p_values.items()])
    # Where an adjusted p-value is alpha but for rounding, either answer is right.
    clear = np.abs(adjusted - alpha) > 1e-9
    assert (ours == rejected)[clear].all()


def test_levels_step_up_until_the_first_that_is_not_rejected():
    found = holm_levels({"a": 0.5, "b": 0.001, "c": 0.04}, 0.06)
    assert found == {"a": pytest.approx(0.03), "b": pytest.approx(0.02), "c": pytest.approx(0.03)}


@pytest.mark.parametrize("bad", [-0.1, 1.1, math.nan])
def test_what_is_no_p_value_is_refused(bad):
    with pytest.raises(ValueError, match="p-value of b"):
        holm_levels({"a": 0.1, "b": bad}, 0.05)


@pytest.mark.parametrize("planned", [1, 4, 30])
def test_planned_looks_share_alpha_and_leave_nothing_after(planned):
    shares = [spend(0.05, look, planned) for look in range(1, planned + 1)]
    assert sum(shares) == pytest.approx(0.05)
    assert len(set(shares)) == 1
    assert spend(0.05, planned + 1, planned) == 0.0


def test_looks_without_an_end_never_spend_more_than_alpha():
    spent = np.cumsum([spend(0.05, look) for look in range(1, 20_001)])
    assert spent[-1] < 0.05
    assert spent[-1] == pytest.approx(0.05, rel=1e-3)
    assert spend(0.05, 1) == pytest.approx(0.0304, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1), "alpha"),
        ((0.5, 1), "alpha"),
        ((0.05, 0), "look"),
        ((0.05, 1, 0), "planned_looks"),
    ],
)
def test_a_budget_out_of_range_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        spend(*arguments)
