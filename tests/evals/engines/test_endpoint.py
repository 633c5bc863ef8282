"""The client against a real HTTP server that speaks the OpenAI protocol and misbehaves on demand.

The server is a fake at the level of the protocol: sockets, status codes, headers and bytes are
real; only the model behind it is missing.
"""

import json
import socket
import time

import pytest

from configs.errors import EngineError
from evals.engines.completion import Decoding, Request, StopAnswering
from evals.engines.endpoint import EndpointEngine
from tests.openai_protocol import OK, ProtocolServer, completion_body, error_body, serving


def engine(base_url, **changes):
    settings = {
        "base_url": base_url, "model": "big", "api_key": "secret", "max_concurrency": 4,
        "timeout_s": 5, "max_attempts": 3, "first_wait_s": 0.01,
    } | changes  # fmt: skip
    return EndpointEngine(**settings)


def requests(count):
    return [
        Request(f"r{i}", [{"role": "user", "content": f"note {i}"}], f"sha256:{i}")
        for i in range(count)
    ]


def test_answers_come_in_the_order_asked_although_the_server_finishes_in_another():
    def slow_first(prompt, attempt):
        time.sleep(0.2 if prompt == "note 0" else 0)

    progress = []
    server = ProtocolServer(slow_first)
    with serving(server) as url:
        answers = engine(url).answer(
            requests(6), Decoding(max_new_tokens=64), lambda d, t: progress.append((d, t))
        )
    assert [a.text for a in answers] == [f"echo note {i}" for i in range(6)]
    assert (answers[0].input_tokens, answers[0].output_tokens) == (3, 5)
    assert answers[0].latency_s >= 0.2
    assert progress == [(i, 6) for i in range(1, 7)]
    assert server.bodies[0]["temperature"] == 0
    assert server.bodies[0]["max_tokens"] == 64
    assert server.bodies[0]["model"] == "big"


def test_an_answer_cut_at_the_token_limit_says_so():
    server = ProtocolServer(lambda prompt, attempt: (OK, {}, completion_body("{", "length")))
    with serving(server) as url:
        assert (
            engine(url).answer(requests(1), Decoding(max_new_tokens=4))[0].finish_reason == "length"
        )


def test_no_more_requests_are_in_flight_than_allowed():
    server = ProtocolServer(lambda prompt, attempt: time.sleep(0.03))
    with serving(server) as url:
        engine(url, max_concurrency=3).answer(requests(15), Decoding(max_new_tokens=8))
    assert server.most_in_flight == 3


def test_the_key_is_sent():
    server = ProtocolServer()
    with serving(server) as url:
        engine(url).answer(requests(1), Decoding(max_new_tokens=8))
    assert server.headers[0]["authorization"] == "Bearer secret"


def test_without_a_key_none_is_sent_not_even_the_one_for_openai(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "meant-for-another-vendor")
    server = ProtocolServer()
    with serving(server) as url:
        engine(url, api_key=None).answer(requests(1), Decoding(max_new_tokens=8))
    assert "authorization" not in server.headers[0]


@pytest.mark.parametrize(
    "failure",
    [
        (429, {"retry-after": "0"}, error_body("slow down")),
        (500, {}, error_body("oops")),
        (503, {}, b"<html>starting</html>"),
        (OK, {}, completion_body("x")[:40]),
        (OK, {"content-length": 4000}, completion_body("x")[:40]),
        (OK, {}, b"{}"),
    ],
    ids=["429", "500", "503 with HTML", "truncated JSON", "connection cut mid-body", "no choices"],
)
def test_a_failure_that_may_pass_is_tried_again(failure):
    server = ProtocolServer(lambda prompt, attempt: failure if attempt < 3 else None)
    with serving(server) as url:
        answers = engine(url).answer(requests(2), Decoding(max_new_tokens=8))
    assert [a.text for a in answers] == ["echo note 0", "echo note 1"]
    assert server.attempts == {"note 0": 3, "note 1": 3}


def test_the_server_says_how_long_to_wait():
    waits = []

    def limited(prompt, attempt):
        waits.append(time.monotonic())
        return (429, {"retry-after": "0.4"}, error_body("slow")) if attempt == 1 else None

    with serving(ProtocolServer(limited)) as url:
        engine(url, first_wait_s=0.001).answer(requests(1), Decoding(max_new_tokens=8))
    assert waits[1] - waits[0] >= 0.4


@pytest.mark.parametrize(
    ("status", "action"),
    [
        (400, "context length"),
        (401, "Set the API key in the environment variable"),
        (403, "Ask for access"),
        (404, "baseline.base_url"),
    ],
)
def test_a_refusal_is_not_tried_again_and_says_what_to_do(status, action):
    server = ProtocolServer(lambda prompt, attempt: (status, {}, error_body("no")))
    with serving(server) as url, pytest.raises(EngineError) as caught:
        engine(url).answer(requests(1), Decoding(max_new_tokens=8))
    assert url in str(caught.value)
    assert f"HTTP {status}" in str(caught.value)
    assert action in str(caught.value)
    assert server.attempts == {"note 0": 1}


@pytest.mark.parametrize(
    ("failure", "message"),
    [
        ((429, {}, error_body("quota")), "HTTP 429.*Lower baseline.max_concurrency"),
        ((500, {}, error_body("oops")), "HTTP 500.*server's log"),
        ((OK, {}, completion_body("x")[:40]), "not a chat completion.*OpenAI-compatible"),
    ],
    ids=["429", "500", "truncated JSON"],
)
def test_a_failure_that_stays_is_given_up_after_the_last_attempt(failure, message):
    server = ProtocolServer(lambda prompt, attempt: failure)
    with serving(server) as url, pytest.raises(EngineError, match=message):
        engine(url).answer(requests(1), Decoding(max_new_tokens=8))
    assert server.attempts == {"note 0": 3}


def test_a_server_that_never_answers_is_given_up():
    server = ProtocolServer(lambda prompt, attempt: time.sleep(0.6))
    with serving(server) as url, pytest.raises(EngineError, match=r"no answer within 0\.2 s"):
        engine(url, timeout_s=0.2, max_attempts=2).answer(requests(1), Decoding(max_new_tokens=8))
    assert server.attempts == {"note 0": 2}


def test_a_server_that_is_down_is_named_with_the_next_action():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    with pytest.raises(EngineError, match=r"no connection.*Start the server") as caught:
        engine(url).answer(requests(1), Decoding(max_new_tokens=8))
    assert url in str(caught.value)


def test_the_first_failure_cancels_the_requests_that_wait():
    server = ProtocolServer(
        lambda prompt, attempt: (401, {}, error_body("no")) if prompt == "note 0" else
        time.sleep(0.05)
    )  # fmt: skip
    with serving(server) as url, pytest.raises(EngineError, match="HTTP 401"):
        engine(url, max_concurrency=2).answer(requests(100), Decoding(max_new_tokens=8))
    assert sum(server.attempts.values()) < 10


SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
STRUCTURED = Decoding(max_new_tokens=8, json_schema=SCHEMA, stop=("\n\n", "END"))


def test_answers_in_flight_when_a_row_fails_are_paid_for_and_kept():
    def refuse_one(prompt, attempt):
        time.sleep(0 if prompt == "note 1" else 0.3)
        return (400, {}, error_body("too long")) if prompt == "note 1" else None

    kept = []
    server = ProtocolServer(refuse_one)
    with serving(server) as url, pytest.raises(EngineError, match="too long"):
        engine(url).answer(
            requests(40),
            Decoding(max_new_tokens=64),
            on_completion=lambda request, completion: kept.append((request.id, completion.text)),
        )
    assert sorted(kept) == [(f"r{i}", f"echo note {i}") for i in (0, 2, 3)]
    assert len(server.bodies) == 4


def test_schema_and_stop_strings_are_asked_for_as_the_protocol_has_it():
    server = ProtocolServer(lambda prompt, attempt: (OK, {}, completion_body('{"a": 1}')))
    with serving(server) as url:
        [answer] = engine(url).answer(requests(1), STRUCTURED)
    assert answer.text == '{"a": 1}'
    assert server.bodies[0]["stop"] == ["\n\n", "END"]
    asked = server.bodies[0]["response_format"]
    assert asked["type"] == "json_schema"
    assert asked["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}


def test_without_a_schema_none_is_asked_for():
    server = ProtocolServer()
    with serving(server) as url:
        engine(url).answer(requests(1), Decoding(max_new_tokens=8))
    assert not {"response_format", "stop"} & set(server.bodies[0])


@pytest.mark.parametrize("text", ["echo note 0", '{"a": "one"}', '```json\n{"a": 1}\n```'])
def test_a_server_that_ignores_the_schema_is_found_out(text):
    server = ProtocolServer(lambda prompt, attempt: (OK, {}, completion_body(text)))
    with serving(server) as url, pytest.raises(EngineError, match=r"row r0: .*structured output"):
        engine(url).answer(requests(1), STRUCTURED)
    assert server.attempts == {"note 0": 1}


def test_an_answer_within_a_schema_that_was_cut_off_is_not_held_against_the_server():
    server = ProtocolServer(lambda prompt, attempt: (OK, {}, completion_body('{"a"', "length")))
    with serving(server) as url:
        assert engine(url).answer(requests(1), STRUCTURED)[0].finish_reason == "length"


def test_a_server_that_refuses_the_schema_is_named():
    server = ProtocolServer(
        lambda prompt, attempt: (400, {}, error_body("response_format is not supported"))
    )
    with (
        serving(server) as url,
        pytest.raises(EngineError, match=r"not supported.*leave structured"),
    ):
        engine(url).answer(requests(1), STRUCTURED)


def test_requests_in_flight_are_given_up_when_no_more_answers_are_wanted():
    server = ProtocolServer(lambda prompt, attempt: time.sleep(0.02 if prompt == "note 0" else 0.3))

    def enough(done, total):
        raise StopAnswering

    started = time.monotonic()
    with serving(server) as url:
        with pytest.raises(StopAnswering):
            engine(url, max_concurrency=2).answer(requests(100), Decoding(max_new_tokens=8), enough)
        assert time.monotonic() - started < 3
    assert sum(server.attempts.values()) < 6


FREE = Decoding(max_new_tokens=8)


def test_a_server_that_tells_its_version_is_known_by_it():
    server = ProtocolServer(version={"version": "0.11.0"})
    with serving(server) as url:
        asked = engine(url, revision="abc")
        identity = asked.identity(FREE)
        assert asked.identity(FREE) == identity
        other = engine(url, revision="abd").identity(FREE)
    assert identity.engine == "server 0.11.0"
    assert identity.model == f"big at {url}, revision abc"
    assert other.digest != identity.digest
    assert server.attempts == {}


def test_other_servers_are_known_by_the_fingerprint_of_an_answer():
    body = json.loads(completion_body("x")) | {"system_fingerprint": "fp_44709d6fcb"}
    server = ProtocolServer(lambda prompt, attempt: (OK, {}, json.dumps(body).encode()))
    with serving(server) as url:
        assert engine(url).identity(FREE).engine == "fp_44709d6fcb"
    assert server.bodies[0]["max_tokens"] == 1


@pytest.mark.parametrize("version", [None, [], {"no": "version"}])
def test_a_server_that_tells_nothing_is_unknown(version):
    with serving(ProtocolServer(version=version)) as url:
        assert engine(url).identity(FREE).engine == "unknown"


def test_a_server_that_is_down_is_unknown():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    assert engine(url).identity(FREE).engine == "unknown"
