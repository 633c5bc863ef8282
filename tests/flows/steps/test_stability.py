import pytest

from configs.baseline import EndpointBaseline, LocalBaseline
from configs.load import load_lifecycle
from flows.steps.stability import systems_to_ask_again, why_not_asked_again

EVALUATED = dict.fromkeys(["base", "fine-tuned", "awq", "fp8-dynamic", "champion", "baseline"])


def with_baseline(baseline=None, **stability):
    config = load_lifecycle("demo")
    settings = config.evaluation.stability.model_copy(update=stability)
    evaluation = config.evaluation.model_copy(update={"stability": settings})
    changed = {"evaluation": evaluation} | ({"baseline": baseline} if baseline else {})
    return config.model_copy(update=changed)


ENDPOINT = EndpointBaseline(kind="endpoint", base_url="http://localhost:1/v1", model="big")


def test_the_gates_candidates_and_references_are_asked_again_and_the_base_is_not():
    asked = systems_to_ask_again(load_lifecycle("demo"), EVALUATED)
    assert asked == ["fine-tuned", "awq", "fp8-dynamic", "champion", "baseline"]


def test_the_unquantized_model_is_asked_again_where_it_is_only_a_reference():
    config = load_lifecycle("demo")
    only = config.model_copy(
        update={"gate": config.gate.model_copy(update={"candidates": ("awq",)})}
    )
    assert "fine-tuned" in systems_to_ask_again(only, EVALUATED)
    assert "fp8-dynamic" not in systems_to_ask_again(only, EVALUATED)


@pytest.mark.parametrize("system", ["awq", "champion"])
def test_local_weights_are_always_asked_again_unless_switched_off(system):
    assert why_not_asked_again(with_baseline(), system) is None
    assert "rows is 0" in why_not_asked_again(with_baseline(rows=0), system)


def test_a_baseline_is_asked_again_if_it_can_be_and_an_endpoint_only_if_told():
    assert "recorded answers" in why_not_asked_again(with_baseline(), "baseline")
    assert "paid for a second time" in why_not_asked_again(with_baseline(ENDPOINT), "baseline")
    assert why_not_asked_again(with_baseline(ENDPOINT, endpoints=True), "baseline") is None
    local = LocalBaseline(kind="local", source="pawl://tiny-clinical")
    assert why_not_asked_again(with_baseline(local), "baseline") is None
