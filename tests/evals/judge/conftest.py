"""A judge behind a real HTTP server that speaks the OpenAI protocol; what it thinks is up to a test."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from configs.judge import JudgeConfig
from configs.rubric import RubricConfig
from evals.engines.endpoint import EndpointEngine
from evals.evaluation import Evaluation
from evals.judge.human_labels import HumanLabel
from evals.judge.judge import Judge
from evals.metric import mean_metric
from tests.openai_protocol import completion_body, serving

FENCED = re.compile(r"^```\n(.*?)\n```$", re.MULTILINE | re.DOTALL)


def judgement(score, name="quality"):
    return json.dumps({name: {"evidence": "as it says", "score": score}})


def verdict(better):
    return json.dumps({"evidence": "as it says", "better": better})


def true_quality(answer):
    """The quality that the made-up answers state about themselves: `quality 3 ...`."""
    return int(answer.split()[1])


def honest(texts):
    """A judge that is always right, of one answer or of two."""
    if len(texts) == 3:
        return judgement(true_quality(texts[2]))
    first, second = (true_quality(text) for text in texts[2:])
    return verdict("tie" if first == second else "first" if first > second else "second")


class JudgeServer:
    """Answers with `think(texts)`, the texts between fences: input, reference, answer(s)."""

    version = None

    def __init__(self, think):
        self.think = think
        self.prompts, self.bodies = [], []

    def handle(self, handler):
        body = json.loads(handler.rfile.read(int(handler.headers["content-length"])))
        prompt = body["messages"][-1]["content"]
        self.prompts.append(prompt)
        self.bodies.append(body)
        said = self.think(FENCED.findall(prompt))
        status, content = said if isinstance(said, tuple) else (200, said)
        data = completion_body(content)
        handler.send_response(status)
        handler.send_header("content-type", "application/json")
        handler.send_header("content-length", str(len(data)))
        handler.end_headers()
        handler.wfile.write(data)


@pytest.fixture(scope="session")
def rubric():
    """One criterion, `quality`, from 0 to 4."""
    return RubricConfig.model_validate(
        {
            "name": "test",
            "criteria": [
                {"name": "quality", "description": "How good is it?",
                 "scale": {0: "bad", 1: "poor", 2: "fair", 3: "good", 4: "best"}}
            ],
            "prompt": "{criteria}\n{input}\n{reference}\n{answer}\n{form}",
        }
    )  # fmt: skip


@pytest.fixture(scope="session")
def config_of(rubric):
    """Make a judge's configuration; uncalibrated unless it is given labels."""

    def make(base_url="http://127.0.0.1:1/v1", **changes):
        content = {
            "model": {"kind": "endpoint", "base_url": base_url, "model": "big", "max_attempts": 1},
            "rubric": rubric, "constrained": False,
            "allow_uncalibrated": "human_labels" not in changes,
        } | changes  # fmt: skip
        return JudgeConfig.model_validate(content)

    return make


@pytest.fixture(scope="session")
def engine_of():
    """The engine that a judge's configuration describes."""

    def make(config):
        model = config.model
        return EndpointEngine(
            base_url=model.base_url, model=model.model, api_key=None, max_concurrency=8,
            timeout_s=5, max_attempts=model.max_attempts, first_wait_s=0.01,
        )  # fmt: skip

    return make


@pytest.fixture
def judge_that(config_of, engine_of):
    """Run a judge that thinks as told, for the length of the test: `judge, server = ...(think)`."""
    running = []

    def start(think=honest, store=None, **changes):
        server = JudgeServer(think)
        context = serving(server)
        config = config_of(context.__enter__(), **changes)
        running.append(context)
        return Judge(config, engine_of(config), store=store), server

    yield start
    for context in running:
        context.__exit__(None, None, None)


@pytest.fixture(scope="session")
def labels_of():
    """Human labels of made-up answers, by the true quality of each, two answers to every row."""

    def make(documents=40, seed=0):
        rng = np.random.default_rng(seed)
        return tuple(
            HumanLabel(
                id=f"r{document}",
                input=f"question {document}",
                reference="gold",
                answer=f"quality {quality} " + "word " * int(rng.integers(1, 40)) + f"{number}",
                scores={"quality": quality},
                cluster=f"d{document}",
            )
            for document in range(documents)
            for number, quality in enumerate(rng.integers(0, 5, size=2).tolist())
        )

    return make


@pytest.fixture(scope="session")
def judged_evaluation_of():
    """Make an evaluation with the columns of a judge."""

    def make(system, scores, *, unreadable=None, answers=None, clusters=None):
        rows = len(scores)
        frame = pd.DataFrame(
            {
                "id": [f"r{i}" for i in range(rows)],
                "cluster": clusters or [f"d{i}" for i in range(rows)],
                "raw_output": answers or [f"{system} answers {i}" for i in range(rows)],
                "judge": scores, "judge.quality": scores,
                "judge.unreadable": unreadable if unreadable is not None else [False] * rows,
            }
        )  # fmt: skip
        return Evaluation(
            system, "engine", "task", "sha256:d", (mean_metric("judge"),), frame
        )  # fmt: skip

    return make
