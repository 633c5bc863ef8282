import pytest
import yaml
from pydantic import ValidationError

from configs.critical_labels import CriticalLabel
from configs.gate_policy import GateConfig

COMPARISON = {"metric": "micro_f1", "margin": 0.05}
ALLERGIES = {"field": "allergies", "margin": 0.1}


@pytest.mark.parametrize(
    ("rule", "messages"),
    [
        ({"margin": 0.1}, ["expected exactly one of field, label and slice, got none"]),
        (ALLERGIES | {"label": "urgent"}, ["got field and label"]),
        ({"field": "allergies"}, ["expected a margin, a minimum or both, got neither"]),
        ({"slice": "unseen_drug", "margin": 0.1}, ["got slice without value"]),
        (ALLERGIES | {"value": "yes"}, ["got value without slice"]),
        ({"value": "yes"}, ["got none", "value without slice", "got neither"]),
        (ALLERGIES | {"measure": "accuracy"}, ["measure"]),
        (ALLERGIES | {"margin": 0}, ["greater than 0"]),
        (ALLERGIES | {"minimum": 1}, ["less than 1"]),
        (ALLERGIES | {"min_documents": 1}, ["greater than or equal to 2"]),
        (ALLERGIES | {"references": []}, ["at least 1 item"]),
        (ALLERGIES | {"metric": "micro_recall"}, ["Extra inputs"]),
    ],
)
def test_a_rule_that_does_not_say_what_or_how_much_is_refused_with_all_problems(rule, messages):
    with pytest.raises(ValidationError) as caught:
        CriticalLabel.model_validate(rule)
    for message in messages:
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "metric", "words"),
    [
        ({"field": "allergies"}, "micro_recall.allergies", "recall of allergies"),
        ({"label": "urgent", "measure": "precision"}, "micro_precision.urgent", "precision of urgent"),
        ({"slice": "kind", "value": "ward", "measure": "f1"}, "micro_f1", "F1 where kind = ward"),
    ],
)  # fmt: skip
def test_a_rule_names_its_metric_and_itself_in_words(rule, metric, words):
    made = CriticalLabel.model_validate(rule | {"minimum": 0.5})
    assert (made.metric, made.words) == (metric, words)
    assert made.references == ("baseline", "champion")
    assert made.required


@pytest.mark.parametrize(("written", "value"), [("yes", "True"), ("3", "3"), ("'yes'", "yes")])
def test_a_value_is_the_text_that_slices_have_of_it(written, value):
    content = yaml.safe_load(f"{{slice: unseen_drug, value: {written}, minimum: 0.5}}")
    assert CriticalLabel.model_validate(content).value == value


def test_two_rules_for_the_same_are_refused():
    rules = [ALLERGIES, {"field": "allergies", "minimum": 0.8}]
    with pytest.raises(ValidationError, match="got several for recall of allergies"):
        GateConfig.model_validate({"comparisons": [COMPARISON], "critical": rules})
    precision = {"field": "allergies", "minimum": 0.8, "measure": "precision"}
    policy = GateConfig.model_validate(
        {"comparisons": [COMPARISON], "critical": [ALLERGIES, precision]}
    )
    assert len(policy.critical) == 2


def test_a_sequential_policy_takes_no_critical_rule_because_it_could_stop_before_they_came():
    with pytest.raises(ValidationError, match="got critical recall of allergies, which goes with"):
        GateConfig.model_validate(
            {"comparisons": [COMPARISON], "critical": [ALLERGIES], "sequential": {}}
        )


def test_a_policy_written_before_there_were_critical_rules_still_reads():
    written = GateConfig.model_validate({"comparisons": [COMPARISON]}).model_dump(mode="json")
    del written["critical"]
    assert GateConfig.model_validate(written).critical == ()


def test_a_rule_reads_back_from_its_own_json():
    rule = CriticalLabel.model_validate({"slice": "unseen_drug", "value": True, "minimum": 0.5})
    assert CriticalLabel.model_validate_json(rule.model_dump_json()) == rule
