"""The teacher behind a server on a socket: sampled draws, records of their own, one budget."""

import pytest

from configs.distillation import DistillationConfig
from configs.load import load_lifecycle, load_task
from configs.validation import validate
from evals.baseline_bank.errors import BankError
from evals.runner import decoding_of, requests_of
from flows.baseline_recording import baseline_bank
from flows.steps.teach_engine import find_teacher
from tests.openai_protocol import completion_body

TASK = load_task("clinical-notes")
ROWS = [{"id": f"r{i}", "doc_id": f"d{i}", "text": f"note {i}"} for i in range(4)]
ROW_COST = 8  # 3 prompt tokens and 5 written
PRICE = {"input_per_million": 1e6, "output_per_million": 1e6, "currency": "EUR"}


@pytest.fixture
def teacher(served, tmp_path, monkeypatch):
    """The teacher of a distillation with these changes."""
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def find(price=None, max_age_days=None, **changes):
        content = {
            "name": "small", "lifecycle": "demo", "teacher_terms": "Apache-2.0",
            "teacher": {"kind": "endpoint", "base_url": served.url, "model": "big", "price": price,
                        "max_concurrency": 1, "max_age_days": max_age_days},
            "documents": {"kind": "synthetic", "generator": "clinical-notes"},
        }  # fmt: skip
        made = validate(DistillationConfig, content | changes, "small")
        return find_teacher(made, load_lifecycle("demo"), TASK, "sha256:rows")

    return find


def ask(teacher, sample=0):
    engine = teacher.make_engine(sample, lambda progress: None)
    answers = engine.answer(requests_of(TASK, ROWS), decoding_of(TASK))
    return [answer.text for answer in answers]


def test_one_greedy_answer_is_kept_where_the_gate_looks_for_the_baseline(served, teacher):
    found = teacher()
    ask(found)
    assert {body["temperature"] for body in served.bodies} == {0}
    [entry] = baseline_bank().entries()
    assert entry.record.identity == found.identities[0]
    assert "temperature" not in str(entry.record.identity.model.revision)


def test_samples_are_drawn_apart_and_never_asked_twice(served, teacher):
    served.behave = lambda prompt, attempt: (200, {}, completion_body(f"draw {attempt}"))
    found = teacher(samples=2, agreement=2, temperature=0.5)
    assert ask(found, 0) == ["draw 1"] * 4
    assert ask(found, 1) == ["draw 2"] * 4
    asked = [(body["temperature"], body["seed"]) for body in served.bodies]
    assert asked == [(0.5, 0)] * 4 + [(0.5, 1)] * 4
    assert ask(found, 0) == ["draw 1"] * 4
    assert len(served.bodies) == 8
    assert len(baseline_bank().entries()) == 2


def test_another_temperature_is_asked_anew(served, teacher):
    ask(teacher(samples=2, agreement=2, temperature=0.5))
    ask(teacher(samples=2, agreement=2, temperature=0.6))
    assert len(served.bodies) == 8


def test_the_budget_holds_over_all_samples(served, teacher):
    most = TASK.max_new_tokens + 1000  # the worst case of one answer must fit in too
    found = teacher(PRICE, samples=2, agreement=2, max_cost=4 * ROW_COST + most)
    ask(found, 0)
    assert found.cost() == 4 * ROW_COST
    tight = teacher(PRICE, samples=2, agreement=2, max_cost=4 * ROW_COST + 5)
    with pytest.raises(BankError, match="expected a cost of at most 5 EUR"):
        ask(tight, 1)
    assert len(served.bodies) == 4


def test_answers_that_are_too_old_are_refused_also_by_who_kept_what_was_made_of_them(teacher):
    teacher(max_age_days=1e-9).refuse_expired()
    ask(teacher())
    teacher(max_age_days=1).refuse_expired()
    with pytest.raises(BankError, match="pawl baseline record --renew"):
        teacher(max_age_days=1e-9).refuse_expired()


def test_a_teacher_is_another_one_by_its_model_and_not_by_how_it_is_asked(teacher):
    assert teacher().inputs == teacher(PRICE).inputs
    assert teacher().inputs["model"] == "big"
