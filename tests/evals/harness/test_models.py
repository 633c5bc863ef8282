"""Endpoints, on a real server that answers with the tiny model."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

from configs.errors import ConfigError, EngineError
from configs.harness import HarnessTask
from evals.engines.checkpoint import load_checkpoint
from evals.harness.evaluate import evaluate_harness_task
from evals.harness.models import endpoint_harness_model


class Server(ThreadingHTTPServer):
    """An OpenAI-compatible server; `asked` keeps headers and bodies."""

    def __init__(self, model, tokenizer):
        super().__init__(("127.0.0.1", 0), Handler)
        self.model, self.tokenizer = model, tokenizer
        self.asked, self.content, self.status = [], "oral", 200

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, *_):
        """A client that gives up hangs up in the middle of an answer."""


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        if self.path == "/v1/completions":
            choices = [{"index": i, "text": "", "logprobs": self.echoed(tokens)}
                       for i, tokens in enumerate(body["prompt"])]  # fmt: skip
        else:
            choices = [{"index": 0, "message": {"content": self.server.content}}]
        payload = json.dumps({"choices": choices}).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def echoed(self, tokens):
        """Log-probabilities of the prompt and of one more token, as `echo` with `logprobs: 1`."""
        with torch.no_grad():
            logits = self.server.model(torch.tensor([tokens])).logits[0]
        scores = torch.log_softmax(logits, -1)
        best = scores.max(-1)
        tokens = [*tokens, int(best.indices[-1])]
        given = [None, *(float(scores[i, token]) for i, token in enumerate(tokens[1:]))]
        tops = [None, *({"top": float(value)} for value in best.values)]
        return {"token_logprobs": given, "top_logprobs": tops}

    def log_message(self, *_):
        """Stay quiet."""


@pytest.fixture
def server(tiny_dir):
    served = Server(*load_checkpoint(tiny_dir, "float32"))
    thread = threading.Thread(target=served.serve_forever, args=(0.05,))
    thread.start()
    yield served
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def writing(tasks_dir):
    return HarnessTask(task=str(tasks_dir / "note-writing.yaml"), limit=3, apply_chat_template=True)


def test_completions_endpoint_scores_as_the_same_weights_do_here(server, tiny, tiny_dir):
    asked = HarnessTask(task="note-reading", limit=6, apply_chat_template=True)
    remote = endpoint_harness_model(
        base_url=server.url, model="tiny", api_key="k", chat=False, tokenizer=str(tiny_dir)
    )
    there = evaluate_harness_task(remote, asked, system="baseline")
    here = evaluate_harness_task(tiny, asked, system="base")
    assert there.frame["acc"].tolist() == here.frame["acc"].tolist()
    assert there.frame["prompt_digest"].tolist() == here.frame["prompt_digest"].tolist()
    assert there.data_digest == here.data_digest
    for ours, theirs in zip(here.frame["raw_output"], there.frame["raw_output"], strict=True):
        expected = [answer[0][0] for answer in json.loads(ours)["responses"]]
        got = [answer[0][0] for answer in json.loads(theirs)["responses"]]
        assert got == pytest.approx(expected, abs=1e-3)


def test_chat_endpoint_answers_generation_tasks(server, writing):
    remote = endpoint_harness_model(base_url=server.url, model="m", api_key="secret", chat=True)
    evaluation = evaluate_harness_task(remote, writing, system="baseline")
    assert [json.loads(raw)["responses"] for raw in evaluation.frame["raw_output"]] == [
        [["oral"]]
    ] * 3
    path, headers, body = server.asked[0]
    assert (path, headers["Authorization"]) == ("/v1/chat/completions", "Bearer secret")
    assert body["messages"][-1]["content"].endswith("?") and body["temperature"] == 0


def test_no_key_of_the_environment_is_sent_to_an_endpoint_without_key(server, writing, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "another vendor's")
    remote = endpoint_harness_model(base_url=server.url, model="m", api_key=None, chat=True)
    evaluate_harness_task(remote, writing, system="baseline")
    assert all("Authorization" not in headers for _, headers, _ in server.asked)


def test_answer_without_content_fails_rather_than_counting_as_empty(server, writing):
    server.content = None
    remote = endpoint_harness_model(
        base_url=server.url, model="m", api_key=None, chat=True, max_attempts=1
    )
    with pytest.raises(EngineError, match="no content in the answer"):
        evaluate_harness_task(remote, writing, system="baseline")


def test_endpoint_that_fails_is_named(server, writing):
    server.status = 500
    for concurrency in (1, 4):
        remote = endpoint_harness_model(
            base_url=server.url, model="m", api_key=None, chat=True, max_attempts=1,
            max_concurrency=concurrency,
        )  # fmt: skip
        with pytest.raises(EngineError, match=r"127\.0\.0\.1.*500"):
            evaluate_harness_task(remote, writing, system="baseline")


def test_chat_endpoint_is_not_asked_to_score_given_answers(server):
    remote = endpoint_harness_model(base_url=server.url, model="m", api_key=None, chat=True)
    asked = HarnessTask(task="note-reading", apply_chat_template=True)
    with pytest.raises(ConfigError, match="cannot score given answers"):
        evaluate_harness_task(remote, asked, system="baseline")
    assert server.asked == []


def test_chat_endpoint_needs_the_chat_template_setting(server, tasks_dir):
    remote = endpoint_harness_model(base_url=server.url, model="m", api_key=None, chat=True)
    asked = HarnessTask(task=str(tasks_dir / "note-writing.yaml"))
    with pytest.raises(ConfigError, match="apply_chat_template: true"):
        evaluate_harness_task(remote, asked, system="baseline")


def test_tokenizer_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(EngineError, match="expected a tokenizer"):
        endpoint_harness_model(
            base_url="http://127.0.0.1:9/v1", model="m", api_key=None, chat=False,
            tokenizer=str(tmp_path),
        )  # fmt: skip
