import json

import pytest

from configs.task import TaskConfig
from evals.scorers.answers import AnswerScorer, GroundingScorer, token_f1

NO_ANSWER = "Not in the passages."
SETTINGS = {
    "name": "t", "kind": "grounded-qa", "user_prompt": "{context} {question}",
    "grounding": {"no_answer": NO_ANSWER},
}  # fmt: skip
SCHEMA = {
    "type": "object", "required": ["answer", "citation"], "additionalProperties": False,
    "properties": {"answer": {"type": "string"}, "citation": {"type": "string"}},
}  # fmt: skip
FREE = TaskConfig(**SETTINGS)
STRUCTURED = TaskConfig(**SETTINGS, output_schema=SCHEMA)
CONTEXT = [{"id": "P1", "text": "Start codeine at 2.5 mg, twice daily."}, {"id": "P2", "text": "x"}]
ROW = {"context": CONTEXT, "target": {"answer": "2.5 mg twice daily", "citation": "P1"}}
UNANSWERABLE = {"context": CONTEXT, "target": {"answer": NO_ANSWER, "citation": "none"}}


def scores(text, row=ROW, task=FREE):
    return {
        name: value
        for scorer in (AnswerScorer(), GroundingScorer())
        for name, value in scorer.columns(text, row, task).items()
    }


def structured(answer, citation="P1", row=ROW):
    text = json.dumps({"answer": answer, "citation": citation})
    return scores(text, row, STRUCTURED)


@pytest.mark.parametrize(
    ("answer", "gold", "f1"),
    [
        ("the 2.5 mg", "2.5 mg", 1.0),
        ("2.5 mg at night", "2.5 mg", 2 * 0.5 * 1 / 1.5),
        ("mg mg", "mg", 2 * 0.5 * 1 / 1.5),
        ("25 mg", "2.5 mg", 0.5),
        ("", "2.5 mg", 0.0),
        ("", "the", 1.0),
    ],
)
def test_token_f1_weighs_shared_tokens_against_both_lengths(answer, gold, f1):
    assert token_f1(answer, gold) == pytest.approx(f1)


def test_the_best_of_several_gold_answers_counts():
    row = ROW | {"target": {"answer": "2.5 mg", "aliases": ["five halves of a milligram"]}}
    found = scores("Five halves of a milligram.", row)
    assert (found["exact_match"], found["token_f1"]) == (True, 1.0)


@pytest.mark.parametrize(
    ("text", "row", "f1", "abstention_correct"),
    [
        (NO_ANSWER, ROW, 0.0, False),
        ("not in the passages", UNANSWERABLE, 1.0, True),
        ("in the passages", UNANSWERABLE, 0.0, False),
        ("2.5 mg", ROW, pytest.approx(2 * 1 * 0.5 / 1.5), True),
    ],
)
def test_abstaining_is_right_or_wrong_as_a_whole(text, row, f1, abstention_correct):
    found = scores(text, row)
    assert found["token_f1"] == f1
    assert found["abstention_correct"] == abstention_correct
    assert found["unanswerable"] == (row is UNANSWERABLE)
    assert found["abstained_rightly"] == (row is UNANSWERABLE and abstention_correct)


@pytest.mark.parametrize(
    ("text", "supported"),
    [
        ("Codeine, twice daily", True), ("25 mg", False), ("morphine twice daily", False),
        (NO_ANSWER, True), ("", False), ("P1", True),
    ],
)  # fmt: skip
def test_an_answer_is_supported_when_the_passages_have_all_its_words(text, supported):
    assert scores(text)["supported"] == supported


def test_passages_may_be_one_string():
    assert scores("blue sky", ROW | {"context": "The sky is blue."})["supported"]


def test_a_structured_answer_is_read_from_its_json():
    right = structured("2.5 mg twice daily")
    assert (right["exact_match"], right["valid_json"], right["schema_conformance"]) == (True,) * 3
    assert (right["cited_rightly"], right["citation_asked"]) == (1, 1)
    assert structured("2.5 mg twice daily", "P2")["cited_rightly"] == 0
    assert structured("x", 7)["schema_conformance"] is False


def test_an_answer_that_is_not_the_json_asked_for_answers_nothing():
    found = scores("2.5 mg twice daily", ROW, STRUCTURED)
    assert (found["exact_match"], found["token_f1"], found["supported"]) == (False, 0.0, False)
    assert (found["valid_json"], found["cited_rightly"]) == (False, 0)
    assert scores('{"answer": ["2.5 mg twice daily"]}', ROW, STRUCTURED)["token_f1"] == 0


def test_citations_are_measured_only_where_the_schema_has_them():
    def names(task):
        return [metric.name for metric in GroundingScorer().metrics(task)]

    assert set(names(STRUCTURED)) - set(names(FREE)) == {"citation_correct"}
    assert "cited_rightly" not in scores("x")
    without = ROW | {"target": {"answer": "2.5 mg"}}
    assert structured("x", row=without)["citation_asked"] == 0
