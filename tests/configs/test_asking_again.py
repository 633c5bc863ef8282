import pytest
from pydantic import ValidationError

from configs.asking_again import AskAgain, rows_to_show
from configs.gate_policy import GateConfig
from configs.gate_settings import StabilityRule
from configs.lifecycle import LifecycleConfig
from configs.load import load_lifecycle
from evals.stats.estimates import share_bounds


def demo(rows, **rule):
    content = load_lifecycle("demo").model_dump()
    content["evaluation"]["stability"] = {"rows": rows}
    content["gate"]["stability"] = rule
    return LifecycleConfig.model_validate(content)


@pytest.mark.parametrize(("first", "second"), [(64, 16), (32, 8), (3, 1), (2, 1), (1, 2)])
def test_the_second_batches_are_of_another_size(first, second):
    assert AskAgain().second_batch_size(first) == second
    assert AskAgain(batch_size=5).second_batch_size(first) == 5


@pytest.mark.parametrize(("share", "alpha"), [(0.05, 0.05), (0.1, 0.025), (0.01, 0.05), (0.5, 0.1)])
def test_so_many_rows_without_a_change_show_it_and_one_fewer_do_not(share, alpha):
    rows = rows_to_show(share, alpha)
    assert share_bounds(0, rows, alpha)[1] < share <= share_bounds(0, rows - 1, alpha)[1]


def test_local_weights_are_asked_again_and_endpoints_are_not_unless_told():
    settings = load_lifecycle("demo").evaluation.stability
    assert settings.rows > 0
    assert not settings.endpoints


def test_a_rule_that_could_never_hold_is_refused_with_the_rows_it_needs():
    with pytest.raises(ValidationError, match=r"rows: expected at least 59, .* got 40; ask more"):
        demo(40, max_changed_answers=0.05)
    with pytest.raises(ValidationError, match=r"rows: expected at least 1, .* got 0"):
        demo(0, max_moved=0.02)
    assert demo(59, max_changed_answers=0.05).gate.stability is not None
    assert demo(0, max_changed_answers=0.05, required=False).evaluation.stability.rows == 0


def test_a_rule_bounds_something():
    with pytest.raises(ValidationError, match="expected max_changed_answers or max_moved"):
        StabilityRule()
    with pytest.raises(ValidationError, match="expected max_moved for 'micro_f1', got none"):
        StabilityRule(max_changed_answers=0.1, metric="micro_f1")


def test_policies_without_the_rule_still_read():
    content = load_lifecycle("demo").gate.model_dump()
    del content["stability"]
    assert GateConfig.model_validate(content).stability is None
