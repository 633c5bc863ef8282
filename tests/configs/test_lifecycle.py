from typing import Any

import pytest
from pydantic import ValidationError

from configs.judge import load_rubric
from configs.lifecycle import LifecycleConfig
from configs.load import load_lifecycle
from configs.task import TaskConfig

GATE = {"comparisons": [{"metric": "micro_f1", "margin": 0.05}]}


def demo(**changed: Any) -> LifecycleConfig:
    return LifecycleConfig.model_validate(load_lifecycle("demo").model_dump() | changed)


@pytest.mark.parametrize("model", [LifecycleConfig, TaskConfig])
def test_every_field_of_every_model_has_a_description(model):
    schema = model.model_json_schema()
    models = {model.__name__: schema, **schema.get("$defs", {})}
    fields = {
        f"{name}.{field}": about.get("description", "")
        for name, definition in models.items()
        for field, about in definition.get("properties", {}).items()
    }
    assert len(fields) >= 10
    assert [name for name, description in fields.items() if len(description) < 10] == []
    assert [name for name, about in models.items() if not about.get("description")] == []


def test_models_of_every_section_are_in_the_schema():
    names = set(LifecycleConfig.model_json_schema()["$defs"])
    assert {"LoraConfig", "FileData", "EndpointBaseline", "GateConfig", "Floor"} <= names


def test_a_candidate_that_no_quantization_makes_is_refused():
    with pytest.raises(
        ValidationError, match=r"gate\.candidates: expected one of .*got 'fp8-dynamic'"
    ):
        demo(quantizations=[{"scheme": "awq"}], gate=GATE | {"candidates": ["fp8-dynamic"]})


def test_a_scheme_written_twice_is_refused():
    with pytest.raises(ValidationError, match="quantizations: expected each scheme once"):
        demo(quantizations=[{"scheme": "awq"}, {"scheme": "awq", "group_size": 32}])


def test_without_a_list_every_candidate_is_gated_quantized_ones_first():
    config = demo(quantizations=[{"scheme": "fp8-dynamic"}, {"scheme": "awq"}], gate=GATE)
    assert config.gated_candidates == ("fp8-dynamic", "awq", "fine-tuned")


def test_a_list_of_candidates_is_kept_in_its_order():
    config = demo(gate=GATE | {"candidates": ["fine-tuned", "awq"]})
    assert config.gated_candidates == ("fine-tuned", "awq")


@pytest.mark.parametrize(
    "lora", [{"epochs": float("inf")}, {"alpha": float("nan")}, {"learning_rate": 0}, {"rank": 0}]
)
def test_a_number_that_no_training_can_use_is_refused(lora):
    with pytest.raises(ValidationError, match=rf"lora\.{next(iter(lora))}"):
        demo(lora=lora)


def test_a_lifecycle_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        load_lifecycle("demo").seed = 3


def test_a_rule_on_a_guard_task_that_is_not_asked_is_refused():
    rule = {"metric": "acc", "margin": 0.05, "task": "hellaswag", "references": ["base"]}
    with pytest.raises(
        ValidationError, match=r"expected a guard task among \['note-reading'\], got 'hellaswag'"
    ):
        demo(gate={"comparisons": [*GATE["comparisons"], rule]})


def test_a_rule_over_guard_tasks_names_those_that_are_asked():
    rule = {"tasks": ["note-reading", "hellaswag"]}
    with pytest.raises(
        ValidationError, match=r"expected a guard task among \['note-reading'\], got 'hellaswag'"
    ):
        demo(gate=GATE | {"guards": [rule]})
    assert demo(gate=GATE | {"guards": [{"tasks": ["note-reading"]}]}).gate.guards
    with pytest.raises(ValidationError, match="expected guard_tasks to decide on, got none"):
        demo(gate={"comparisons": GATE["comparisons"][:1], "guards": [{}]}, guard_tasks=[])


def test_a_judge_beside_a_sequential_gate_is_refused():
    judge = {
        "model": {"kind": "local", "source": "pawl://tiny-clinical"},
        "rubric": load_rubric("summary-faithfulness").model_dump(),
        "allow_uncalibrated": True,
    }
    with pytest.raises(ValidationError, match=r"expected none with gate\.sequential"):
        demo(judge=judge, gate=GATE | {"sequential": {}})
