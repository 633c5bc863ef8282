"""How a run waits for people, without a server: what it asks when, and how it ends."""

from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from configs.lifecycle import RegistryConfig
from flows.steps import approval as module
from flows.steps.approval import ApprovalForm, settle_approval
from registry.approvals import Standing
from registry.promotion import Promoted

REGISTRY = RegistryConfig(model_name="notes")
ASKED = Promoted(
    model="notes", version=3, moved=False, awaiting_approval=True, summary="It awaits approval."
)
WAITING = Standing(
    status="waiting", missing="1 more approval is needed, by grace", requested_by=("ada",),
    expires_ms=10**13,
)  # fmt: skip
APPROVED = WAITING.model_copy(update={"status": "approved", "missing": ""})
DECIDED = SimpleNamespace(
    result={"outcome": "promote", "score_header": ["system"], "score_rows": [["awq"]]}
)


class People:
    """Stands for Prefect and the registry: how things stand each time, and what people answer."""

    def __init__(self, stands, answers=()):
        self.stands, self.answers = iter(stands), iter(answers)
        self.keys, self.questions, self.recorded, self.disarmed = [], [], [], 0

    def suspend(self, wait_for_input, timeout, key):
        self.keys.append(key)
        self.questions.append(wait_for_input._description)
        # What Prefect does with an answer: none at all becomes an empty form.
        return ApprovalForm(**next(self.answers))

    def record(self, registry, version, answer, token):
        self.recorded.append((answer["your_name"], token))
        return "she asked for it herself" if answer["your_name"] == "ada" else ""

    def no_more(self, run):
        self.disarmed += 1


@pytest.fixture
def settle(monkeypatch):
    """Settle an approval with made-up people; returns what happened, the outcome and the people."""

    def run(stands, answers=(), asked=ASKED, deployment="d"):
        people = People(stands, answers)
        runtime = SimpleNamespace(
            deployment=SimpleNamespace(id=deployment),
            flow_run=SimpleNamespace(id="run-1", parent_flow_run_id=None),
        )
        decision = SimpleNamespace(digest="sha256:" + "ab" * 32, reasons=("it holds",))
        for name, value in {
            "runtime": runtime,
            "read_decision": lambda _: decision,
            "suspend_flow_run": people.suspend,
            "look_at_approval": lambda *_: next(people.stands),
            "record_answer": people.record,
            "promote_with_approval": lambda *_: ASKED.model_copy(update={"moved": True}),
            "end_wait_after": lambda *_: None,
            "keep_waiting_no_more": people.no_more,
        }.items():
            monkeypatch.setattr(module, name, value)
        return *settle_approval(REGISTRY, asked, DECIDED), people

    return run


def answer(name, verdict="approve"):
    return {"verdict": verdict, "your_name": name, "reason": "read it"}


def test_an_answer_that_does_not_count_is_told_and_asked_for_again(settle):
    done, outcome, people = settle([WAITING, WAITING, APPROVED], [answer("ada"), answer("grace")])
    assert (done.moved, outcome) == (True, "promote")
    assert people.keys == [f"approval-notes-{'ab' * 6}-0", f"approval-notes-{'ab' * 6}-1"]
    assert "did not count: she asked for it herself" in people.questions[1]
    assert people.recorded == [
        ("ada", f"run-1 {people.keys[0]}"), ("grace", f"run-1 {people.keys[1]}"),
    ]  # fmt: skip


def test_a_run_resumed_without_an_answer_asks_again(settle):
    _, outcome, people = settle([WAITING, WAITING, APPROVED], [{}, answer("grace")])
    assert outcome == "promote"
    assert [key[-1] for key in people.keys] == ["0", "1"]
    assert "did not count: it was empty" in people.questions[1]
    assert [name for name, _ in people.recorded] == ["grace"]


@pytest.mark.parametrize(
    ("status", "ending"), [("rejected", "approval rejected"), ("expired", "approval expired")]
)
def test_a_rejection_or_the_end_of_the_time_ends_the_run_without_a_question(settle, status, ending):
    stands = WAITING.model_copy(update={"status": status, "missing": "grace rejected it: no"})
    done, outcome, people = settle([stands])
    assert (outcome, done.moved, done.awaiting_approval) == (ending, False, False)
    assert done.summary == "notes version 3 was not promoted: grace rejected it: no."
    assert (people.keys, people.disarmed) == ([], 1)


def test_a_run_in_a_terminal_ends_with_the_command_to_approve(settle):
    done, outcome, people = settle([WAITING], deployment=None)
    assert (outcome, done.awaiting_approval, people.keys) == ("awaiting approval", True, [])
    assert "`pawl approve notes 3`" in done.summary


def test_what_needs_nobody_keeps_the_gates_outcome(settle):
    champion = ASKED.model_copy(update={"awaiting_approval": False})
    done, outcome, people = settle([], asked=champion)
    assert (done, outcome, people.disarmed) == (champion, "promote", 1)


@pytest.mark.parametrize(
    "wrong", [{}, {"verdict": "perhaps"}, {"your_name": ""}, {"reason": ""}, {"reason": "x" * 2001}]
)
def test_the_form_itself_refuses_what_is_no_answer(wrong):
    with pytest.raises(ValidationError):
        ApprovalForm(**(answer("grace") | wrong if wrong else {}))


def test_white_space_for_a_name_is_not_recorded(monkeypatch):
    monkeypatch.setattr(module, "get_run_logger", lambda: SimpleNamespace(warning=print))
    said = module.record_answer.fn(REGISTRY, 3, answer(" "), "token")
    assert said == "it lacks a name or a reason"
