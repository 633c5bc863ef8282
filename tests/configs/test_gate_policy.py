import pytest
from pydantic import ValidationError

from configs.gate_policy import GateConfig
from configs.gate_settings import ReadableReferences

COMPARISON = {"metric": "micro_f1", "margin": 0.05}


def policy(**changes):
    return GateConfig.model_validate({"comparisons": [COMPARISON]} | changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"comparisons": []}, "expected at least one that is required, got none"),
        ({"comparisons": [COMPARISON | {"required": False}]}, "at least one that is required"),
        ({"comparisons": [COMPARISON | {"margin": -0.05}]}, "greater than 0"),
        ({"comparisons": [COMPARISON | {"margin": 0}]}, "greater than 0"),
        ({"comparisons": [COMPARISON | {"margin": float("nan")}]}, "margin"),
        ({"comparisons": [COMPARISON | {"references": []}]}, "at least 1 item"),
        ({"comparisons": [COMPARISON, COMPARISON | {"task": "arc"}]}, "is not asked guard tasks"),
        ({"alpha": 0.5}, "less than 0.5"),
        ({"alpha": 0}, "greater than 0"),
        ({"comparisons": [COMPARISON | {"alpha": 0.6}]}, "less than 0.5"),
        (
            {"guards": [{"test": "non-inferiority"}]},
            "expected the largest acceptable loss, got none",
        ),
        ({"guards": [{"margin": 0.01}]}, "expected none with test no-significant-drop, got 0.01"),
        ({"guards": [{"tasks": ["arc", "arc"]}]}, "expected each task once"),
        ({"guards": [{"reference": "baseline"}]}, "'unquantized', 'base' or 'champion'"),
        ({"guards": [{"test": "non-inferiority", "margin": 0}]}, "greater than 0"),
        (
            {"ceilings": [{"measure": "cost_per_1k_documents", "maximum": 1}]},
            "expected prices for the ceiling on cost",
        ),
        (
            {"sequential": {}, "ceilings": [{"measure": "latency_p95_s", "maximum": 1}]},
            "got ceiling on latency_p95_s",
        ),
        (
            {"sequential": {}, "floors": [{"metric": "acc", "minimum": 0.5, "slice": "s"}]},
            "got floors on slice 's'",
        ),
        (
            {"sequential": {}, "comparisons": [COMPARISON | {"test": "equivalence"}]},
            "got equivalence of micro_f1",
        ),
        (
            {
                "sequential": {},
                "comparisons": [COMPARISON, COMPARISON | {"references": ["unquantized"]}],
            },
            "got comparison of micro_f1 with the unquantized model",
        ),
        ({"sequential": {}, "alpha_budget": {}}, "alpha_budget.planned_looks: expected a number"),
    ],
)
def test_a_policy_that_cannot_be_kept_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        policy(**changes)


def test_a_plain_policy_compares_with_baseline_and_champion():
    assert policy().comparisons[0].references == ("baseline", "champion")
    assert policy().sequential is None


def test_a_rule_over_guard_tasks_is_an_alarm_against_the_unquantized_model_unless_it_says_otherwise():
    [rule] = policy(guards=[{}]).guards
    assert (rule.test, rule.reference, rule.tasks) == ("no-significant-drop", "unquantized", ())
    assert policy(guards=[{}], sequential={}).guards == (rule,)


def test_readable_references_warn_no_later_than_they_refuse():
    with pytest.raises(ValidationError, match="expected minimum of at most warn_below"):
        ReadableReferences(minimum=0.95)
