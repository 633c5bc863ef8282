"""Endpoints whose address holds a password: nothing that is shown or kept has it."""

import pytest

from configs.baseline import EndpointBaseline
from configs.errors import EngineError
from evals.engines.completion import Decoding, Request
from flows.steps.engines import asked_model, baseline_kind, endpoint_engine


@pytest.fixture
def endpoint():
    """Nobody listens there."""
    address = "http://ada:secret@127.0.0.1:9/v1?key=secret"
    return EndpointBaseline(kind="endpoint", base_url=address, model="big", max_attempts=1)


def test_reports_and_the_inputs_of_steps_have_the_address_alone(endpoint):
    assert baseline_kind(endpoint) == "answers of big at http://127.0.0.1:9/v1"
    assert asked_model(endpoint) == {
        "kind": "endpoint", "base_url": "http://127.0.0.1:9/v1", "model": "big", "revision": None,
    }  # fmt: skip


def test_an_error_has_the_address_alone(endpoint):
    asked = Request("r1", [{"role": "user", "content": "Hi"}], "sha256:1")
    with pytest.raises(EngineError) as raised:
        endpoint_engine(endpoint).answer([asked], Decoding(max_new_tokens=1))
    assert str(raised.value).startswith("http://127.0.0.1:9/v1 (model big): ")
    assert "secret" not in str(raised.value)
