"""Which systems are asked again, and an endpoint that really is, on a Prefect server."""

import pytest
from prefect import flow

from configs.baseline import EndpointBaseline, LocalBaseline
from configs.data import SyntheticNotes
from configs.errors import EngineError
from configs.load import load_lifecycle, load_task
from evals.stability_files import read_stability
from flows.home import home
from flows.step_cache import StepCache
from flows.steps.evaluate import evaluate_baseline
from flows.steps.prepare import prepare
from flows.steps.stability import ask_all_again, systems_to_ask_again, why_not_asked_again
from flows.steps.step_state import result_of
from tests.flows.re_evaluation.conftest import on_prefect, workplace  # noqa: F401
from tests.openai_protocol import OK, completion_body, error_body

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


@pytest.fixture
def asked_again(workplace, on_prefect, served):  # noqa: F811
    """Evaluate an endpoint as baseline and ask it again, on a Prefect server."""

    def ask(**stability):
        endpoint = ENDPOINT.model_copy(update={"base_url": served.url})
        data = SyntheticNotes(train_documents=1, validation_documents=1, test_documents=5)
        config = with_baseline(endpoint, **stability).model_copy(update={"data": data})

        @flow(name="test of asking again")
        def run():
            cache, task = StepCache(home() / "cache"), load_task(config.task)
            prepared = result_of(prepare(config, task, cache))
            evaluations = {"baseline": result_of(evaluate_baseline(config, task, prepared, cache))}
            return ask_all_again(config, task, prepared, {}, evaluations, cache)

        return run()

    return ask


def test_an_endpoint_is_asked_again_once_and_its_new_answers_are_not_the_banked_ones(
    asked_again, served
):
    assert asked_again() == {}
    assert set(served.attempts.values()) == {1}
    served.behave = lambda prompt, attempt: (OK, {}, completion_body(f"attempt {attempt}"))
    outcome = asked_again(rows=4, endpoints=True)["baseline"]
    assert list(served.attempts.values()).count(2) == 4
    found = read_stability(outcome.files)
    assert (found.rows, len(found.changed), found.batch_sizes) == (4, 4, None)
    assert (outcome.step, outcome.reused) == ("ask baseline again", False)
    assert asked_again(rows=4, endpoints=True)["baseline"].reused
    assert max(served.attempts.values()) == 2


def test_an_endpoint_that_fails_the_second_time_stops_the_run_and_is_named(asked_again, served):
    asked_again()
    served.behave = lambda prompt, attempt: (400, {}, error_body("gone"))
    with pytest.raises(EngineError, match=r"^baseline, asked again: "):
        asked_again(rows=4, endpoints=True)
