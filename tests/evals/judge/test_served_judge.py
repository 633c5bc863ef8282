"""The whole way with a real model behind a real server: transformers' own, on this machine."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

import configs
from configs.errors import EvidenceError
from configs.rubric import RubricConfig
from evals.engines.local import LocalEngine
from evals.judge.judge import Judge
from evals.judge.prompts import Item, point_messages
from tests.evals.judge.conftest import judgement

TINY = Path(configs.__path__[0]) / "models" / "tiny-clinical"
SHORT = RubricConfig.model_validate(
    {
        "name": "short", "system_prompt": "",
        "criteria": [{"name": "right", "description": "Same?", "scale": {0: "no", 1: "yes"}}],
        "prompt": "{criteria} {reference} {answer} {form}",
    }
)  # fmt: skip
ITEMS = [Item("r1", "", "aspirin", "aspirin"), Item("r2", "", "zinc", "zinc")]
LIMIT_S = 90


def taught(directory):
    """The tiny model, taught until it writes one judgement, whatever it is shown."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(TINY, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(TINY)
    prompts = [
        tokenizer.apply_chat_template(
            point_messages(SHORT, item), add_generation_prompt=True, tokenize=False
        )
        for item in ITEMS
    ]
    answer = tokenizer(judgement(1, "right") + tokenizer.eos_token, add_special_tokens=False)
    wanted = answer["input_ids"]
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for step in range(200):
        tokens = tokenizer(prompts[step % 2], add_special_tokens=False)["input_ids"]
        logits = model(input_ids=torch.tensor([tokens + wanted])).logits[0, len(tokens) - 1 : -1]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(wanted))
        if loss < 0.02:
            break
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    model.save_pretrained(directory)
    tokenizer.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Address and model name of a running server."""
    directory = taught(tmp_path_factory.mktemp("judge"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(directory),
               "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]  # fmt: skip
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    log = (directory / "server.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    deadline = time.monotonic() + LIMIT_S
    try:
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=1)
                break
            except OSError:
                said = (directory / "server.log").read_text()
                assert process.poll() is None, said
                assert time.monotonic() < deadline, said
                time.sleep(0.1)
        yield {"kind": "endpoint", "base_url": f"http://127.0.0.1:{port}/v1",
               "model": str(directory), "max_attempts": 1, "timeout_s": 30}, process  # fmt: skip
    finally:
        process.kill()
        process.wait()
        log.close()


@pytest.fixture
def judge_of(served, config_of, engine_of):
    def make(store=None, **changes):
        config = config_of(model=served[0], rubric=SHORT, **changes)
        return Judge(config, engine_of(config), store=store)

    return make


def test_a_served_model_judges_and_is_never_asked_the_same_again(judge_of, served, tmp_path):
    first = judge_of(tmp_path).score(ITEMS)
    assert [scored.scores for scored in first] == [{"right": 1}, {"right": 1}]
    (stored,) = tmp_path.rglob("*.jsonl")
    said = [json.loads(line)["text"] for line in stored.read_text().splitlines()]
    assert said == [judgement(1, "right")] * 2
    with pytest.raises(EvidenceError, match=r"got 2 of 2: r1 \(.*cut off.*r2 \("):
        judge_of(max_new_tokens=16).score(ITEMS)
    served[1].kill()
    served[1].wait()
    assert judge_of(tmp_path).score(ITEMS) == first


def test_the_same_weights_judge_alike_without_a_server_and_constrained(served, config_of):
    config = config_of(
        model={"kind": "local", "source": "file:///judge"}, rubric=SHORT, constrained=True,
        max_new_tokens=64,
    )  # fmt: skip
    engine = LocalEngine(Path(served[0]["model"]), "judge", batch_size=2, dtype="float32")
    scored = Judge(config, engine).score(ITEMS)
    assert [answer.scores for answer in scored] == [{"right": 1}, {"right": 1}]
