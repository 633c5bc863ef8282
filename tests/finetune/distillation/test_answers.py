import json

import pytest

from configs.errors import ConfigError
from configs.load import load_task
from finetune.distillation.answers import (
    Agreed,
    Answer,
    Unusable,
    agreed_target,
    require_comparable_answers,
    target_of,
)

NOTES = load_task("clinical-notes")
TRIAGE = load_task("message-triage")
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def note(**found):
    return json.dumps(EMPTY | found)


def test_a_valid_answer_is_the_target():
    assert target_of(Answer(f" {note(problems=['asthma'])}\n"), NOTES)["problems"] == ["asthma"]


def test_json_in_one_code_fence_is_read():
    assert target_of(Answer(f"```json\n{note()}\n```"), NOTES) == EMPTY


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (f"Here it is: {note()}", "unreadable"),
        ('{"problems": NaN}', "unreadable"),
        ('{"problems": [], "problems": []}', "unreadable"),
        ("[" * 100_000, "unreadable"),
        ("[]", "breaks the task"),
        ('{"medications": []}', "breaks the task"),
        (note(problems=[""]), "breaks the task"),
        (note(diagnoses=[]), "breaks the task"),
    ],
)  # fmt: skip
def test_an_answer_that_breaks_the_task_is_left_out_with_the_reason(text, reason):
    found = target_of(Answer(text), NOTES)
    assert isinstance(found, Unusable)
    assert found.reason == reason
    assert found.detail


def test_an_answer_cut_off_at_the_token_limit_is_left_out_although_it_may_be_valid():
    assert target_of(Answer(note(), cut_off=True), NOTES).reason == "cut off"


def test_a_label_counts_in_any_case_and_nothing_else_does():
    assert target_of(Answer(" Urgent\n"), TRIAGE) == "urgent"
    assert target_of(Answer("It is urgent."), TRIAGE).reason == "breaks the task"


def test_an_answer_of_the_other_kinds_is_its_text():
    summary, qa = load_task("discharge-summary"), load_task("guideline-qa")
    assert target_of(Answer(" Went home. "), summary) == "Went home."
    assert target_of(Answer("   "), summary).reason == "breaks the task"
    free = qa.model_copy(update={"output_schema": None, "constrained": False})
    assert target_of(Answer("5 mg"), free) == {"answer": "5 mg"}


def test_lists_agree_in_any_order_and_the_first_wording_is_kept():
    one, other = note(problems=["asthma", "gout"]), note(problems=["gout", "asthma"])
    found = agreed_target([Answer("no"), Answer(one), Answer(other)], 2, NOTES)
    assert found == Agreed(json.loads(one), 2)


def test_too_little_agreement_is_left_out():
    answers = [Answer(label) for label in ("urgent", "routine", "emergency")]
    assert agreed_target(answers, 2, TRIAGE).reason == "no agreement"
    assert agreed_target(answers[:1], 1, TRIAGE) == Agreed("urgent", 1)


def test_unusable_answers_count_as_dissent():
    answers = [Answer("urgent"), Answer("nonsense"), Answer("x", cut_off=True)]
    assert agreed_target(answers, 2, TRIAGE).reason == "breaks the task"


def test_samples_of_a_summarisation_are_refused():
    summary = load_task("discharge-summary")
    require_comparable_answers(summary, 1)
    require_comparable_answers(NOTES, 5)
    with pytest.raises(ConfigError, match="expected 1 for a summarisation"):
        require_comparable_answers(summary, 3)
