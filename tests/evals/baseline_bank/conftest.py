"""Questions, a clock that is set by hand, and banks that tell the time by it."""

from datetime import UTC, datetime, timedelta

import pytest

from evals.baseline_bank.answers import BankedAnswer
from evals.baseline_bank.bank import BaselineBank
from evals.baseline_bank.identity import BaselineIdentity, EndpointModel
from evals.engines.completion import Decoding, Request, prompt_digest

DECODING = Decoding(max_new_tokens=8)
IDENTITY = BaselineIdentity(
    model=EndpointModel(base_url="http://big/v1", model="big", revision="a"),
    task="notes", task_digest="sha256:task", decoding=DECODING,
)  # fmt: skip


def questions(count, text="note {}"):
    """One request per row; a text without `{}` is the same prompt for all."""
    messages = [[{"role": "user", "content": text.format(i)}] for i in range(count)]
    return [Request(f"r{i}", m, prompt_digest(m, DECODING)) for i, m in enumerate(messages)]


def answer_to(request, **changes):
    known = {
        "id": request.id, "prompt_digest": request.prompt_digest, "output": "yes",
        "finish_reason": "stop", "input_tokens": 3, "output_tokens": 5, "latency_s": 0.1,
        "cost": None, "answered_at": datetime(2026, 1, 1, tzinfo=UTC),
    }  # fmt: skip
    return BankedAnswer(**known | changes)


def changed(**changes):
    """The identity with fields of its model or its own replaced."""
    own = {
        name: value
        for name, value in changes.items()
        if name in ("task", "task_digest", "decoding")
    }
    model = IDENTITY.model.model_copy(update={k: v for k, v in changes.items() if k not in own})
    return IDENTITY.model_copy(update={"model": model, **own})


class Clock:
    def __init__(self):
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self):
        return self.now

    def wait(self, days):
        self.now += timedelta(days=days)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def bank(tmp_path, clock):
    return BaselineBank(tmp_path / "baselines", clock)
