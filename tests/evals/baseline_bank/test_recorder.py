"""Recording over HTTP: how often the server is asked, and what is kept when things go wrong."""

import json
from collections import Counter

import pytest

from configs.errors import EngineError
from configs.gate_policy import TokenPrices
from evals.baseline_bank.banked_engine import BankPolicy, banked_engine
from evals.baseline_bank.errors import BankError, BudgetReached
from evals.baseline_bank.recorder import RecorderSettings
from evals.engines.completion import Completion, StopAnswering
from evals.engines.endpoint import EndpointEngine
from evals.engines.identity import EngineIdentity
from tests.evals.baseline_bank.conftest import DECODING, IDENTITY, changed, questions
from tests.openai_protocol import OK, error_body

PRICE = TokenPrices(input_per_million=1e6, output_per_million=1e6, currency="EUR")
ANSWER_COST = 8.0  # 3 prompt tokens and 5 written, at one EUR each


def recording(bank, url, identity=IDENTITY, policy=None, **settings):
    engine = EndpointEngine(
        base_url=url, model="big", api_key=None, max_concurrency=2, timeout_s=5, max_attempts=1
    )
    settings = {"group_size": 4} | settings
    return banked_engine(
        bank, identity, engine, settings=RecorderSettings(**settings), policy=policy
    )


def test_each_row_is_asked_once_and_never_again(bank, served):
    first = recording(bank, served.url).answer(questions(10), DECODING)
    again = recording(bank, served.url).answer(questions(12), DECODING)
    assert [a.text for a in again] == [f"echo note {i}" for i in range(12)]
    assert again[:10] == first
    assert again[0].latency_s > 0
    assert served.attempts == Counter(f"note {i}" for i in range(12))
    record = bank.require(IDENTITY).record
    assert record.engine_versions == ("server 0.11.0",)
    assert record.totals.rows == record.totals.asked == 12


def test_rows_with_the_same_prompt_are_paid_once(bank, served):
    engine = recording(bank, served.url, price=PRICE)
    assert {a.text for a in engine.answer(questions(5, "same"), DECODING)} == {"echo same"}
    assert served.attempts == {"same": 1}
    entry = bank.require(IDENTITY)
    assert [a.id for a in entry.answers] == ["r0", "r1", "r2", "r3", "r4"]
    assert [a.shared_with for a in entry.answers] == [None, "r0", "r0", "r0", "r0"]
    assert entry.record.totals.cost == ANSWER_COST


def test_another_scoring_of_the_task_needs_no_new_answers(bank, served, clock):
    recording(bank, served.url).answer(questions(3), DECODING)
    rescored = changed(task_digest="sha256:rescored")
    clock.wait(days=5)
    recording(bank, served.url, rescored).answer(questions(4), DECODING)
    assert served.attempts == Counter(f"note {i}" for i in range(4))
    entry = bank.require(rescored)
    assert [a.shared_with for a in entry.answers][::3] == [f"{IDENTITY.key[:12]}/r0", None]
    with pytest.raises(BankError, match="last 4 days"):
        bank.require(rescored, max_age_days=4)


def test_another_revision_is_asked_anew(bank, served):
    recording(bank, served.url).answer(questions(2), DECODING)
    recording(bank, served.url, changed(revision="b")).answer(questions(2), DECODING)
    assert served.attempts == {"note 0": 2, "note 1": 2}


@pytest.mark.parametrize("place", [0, 3, 9])
def test_a_row_that_fails_leaves_the_others_answered(bank, served, place):
    served.behave = lambda prompt, attempt: (
        (400, {}, error_body("too long")) if prompt == f"note {place}" else None
    )
    with pytest.raises(EngineError) as caught:
        recording(bank, served.url).answer(questions(10), DECODING)
    assert f"row r{place}: " in str(caught.value)
    assert "HTTP 400: " in str(caught.value)
    assert "(1 of 10 rows still unanswered, 9 kept)" in str(caught.value)
    assert "Check max_new_tokens" in str(caught.value)
    served.behave = lambda prompt, attempt: None
    before = sum(served.attempts.values())
    assert len(recording(bank, served.url).answer(questions(10), DECODING)) == 10
    assert sum(served.attempts.values()) == before + 1


def test_a_server_that_refuses_everything_is_not_asked_every_row(bank, served):
    served.behave = lambda prompt, attempt: (401, {}, error_body("no key"))
    with pytest.raises(EngineError, match=r"HTTP 401.*100 of 100 rows still unanswered, 0 kept"):
        recording(bank, served.url).answer(questions(100), DECODING)
    assert sum(served.attempts.values()) <= 4 + 3


def test_the_cost_stays_below_its_limit_and_recording_goes_on_when_it_is_raised(bank, served):
    # An answer is accounted 3 + 5 tokens; before it is asked, the most it can be must be left.
    most = len("note 0") + 64 + DECODING.max_new_tokens
    limit = 4 * ANSWER_COST + most
    with pytest.raises(BudgetReached, match=r"at most 110 EUR.*\(15 of 20 rows left\).*Raise"):
        recording(bank, served.url, price=PRICE, max_cost=limit).answer(questions(20), DECODING)
    assert bank.get(IDENTITY).record.totals.cost == 5 * ANSWER_COST <= limit
    with pytest.raises(BudgetReached):
        recording(bank, served.url, price=PRICE, max_cost=limit).answer(questions(20), DECODING)
    assert sum(served.attempts.values()) == 5
    recording(bank, served.url, price=PRICE, max_cost=1000).answer(questions(20), DECODING)
    assert bank.get(IDENTITY).record.totals.cost == 20 * ANSWER_COST
    assert sum(served.attempts.values()) == 20


def test_costs_in_two_currencies_are_not_added(bank, served):
    recording(bank, served.url, price=PRICE).answer(questions(1), DECODING)
    dollars = PRICE.model_copy(update={"currency": "USD"})
    with pytest.raises(BankError, match="expected prices in EUR, as so far, got USD"):
        recording(bank, served.url, price=dollars).answer(questions(2), DECODING)


def test_progress_tells_rows_cost_and_tokens(bank, served):
    seen, calls = [], []
    engine = recording(bank, served.url, price=PRICE, on_recording=seen.append)
    engine.answer(questions(6), DECODING, lambda done, total: calls.append((done, total)))
    assert calls == [*((done, 6) for done in range(7)), (6, 6)]
    assert [now.cost for now in seen] == [done * ANSWER_COST for done in range(7)]
    assert seen[-1].output_tokens == 30


def test_a_caller_that_has_seen_enough_keeps_what_was_answered(bank, served):
    def enough(done, total):
        if done >= 4:
            raise StopAnswering

    with pytest.raises(StopAnswering):
        recording(bank, served.url).answer(questions(20), DECODING, enough)
    assert len(bank.get(IDENTITY).answers) == 4


def test_an_expired_record_is_refused_without_asking_and_renewed_on_demand(bank, served, clock):
    policy = BankPolicy(max_age_days=30)
    recording(bank, served.url, policy=policy).answer(questions(2), DECODING)
    clock.wait(days=31)
    with pytest.raises(BankError, match="last 30 days"):
        recording(bank, served.url, policy=policy).answer(questions(2), DECODING)
    assert sum(served.attempts.values()) == 2
    renewing = BankPolicy(max_age_days=30, renew=True)
    recording(bank, served.url, policy=renewing).answer(questions(2), DECODING)
    assert served.attempts == {"note 0": 2, "note 1": 2}


def test_half_of_a_surrogate_pair_can_be_kept(bank, served):
    body = json.dumps({"choices": [{"index": 0, "finish_reason": "stop", "message": {
        "role": "assistant", "content": "a\ud800"}}]}).encode()  # fmt: skip
    served.behave = lambda prompt, attempt: (OK, {}, body)
    recording(bank, served.url).answer(questions(1), DECODING)
    assert recording(bank, served.url).answer(questions(1), DECODING)[0].text == "a?"


class Streaming:
    """Hands each answer over as it comes and fails at one row, as a streaming engine would."""

    name = "streaming"

    def __init__(self, failing):
        self.failing, self.asked = failing, Counter()

    def answer(self, requests, decoding, on_progress=None, on_completion=None):
        answers = []
        for request in requests:
            self.asked[request.id] += 1
            if request.id == self.failing:
                raise EngineError(request.id, "expected an answer, got none", "Look into it.")
            answers.append(Completion("yes", "stop", 1))
            on_completion(request, answers[-1])
        return answers

    def identity(self, decoding):
        return EngineIdentity(
            kind="endpoint", model="m", tokenizer="unknown", engine="1", precision="unknown",
            decoding=decoding,
        )  # fmt: skip


def test_an_engine_that_hands_answers_over_at_once_never_gives_one_twice(bank):
    engine = Streaming("r7")
    with pytest.raises(EngineError, match="1 of 20 rows still unanswered"):
        banked_engine(bank, IDENTITY, engine).answer(questions(20), DECODING)
    assert {row for row, times in engine.asked.items() if times > 1} == {"r7"}
    assert len(bank.get(IDENTITY).answers) == 19
