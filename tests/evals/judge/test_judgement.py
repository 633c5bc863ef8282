import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.judge import load_rubric
from evals.engines.completion import Completion
from evals.judge.judgement import Judgement, Unreadable, read_judgement, read_verdict

RUBRIC = load_rubric("summary-faithfulness")


def part(score=3, evidence="it says so"):
    return {"evidence": evidence, "score": score}


def read(content, finish_reason="stop"):
    text = content if isinstance(content, str) else json.dumps(content)
    return read_judgement(Completion(text, finish_reason, 9), RUBRIC)


RIGHT = {"faithfulness": part(4), "coverage": part(0)}


def test_a_judgement_of_the_form_is_read():
    found = read(RIGHT)
    assert found == Judgement(
        {"faithfulness": 4, "coverage": 0},
        {"faithfulness": "it says so", "coverage": "it says so"},
    )


@pytest.mark.parametrize(
    "content",
    [
        "The score is 3.",
        f"Here it is: {json.dumps(RIGHT)}",
        f"```json\n{json.dumps(RIGHT)}\n```",
        json.dumps(RIGHT) * 2,
        json.dumps([RIGHT]),
        '{"faithfulness": {"evidence": "x", "score": 4, "score": 1}, "coverage": '
        '{"evidence": "x", "score": 1}}',
        {"faithfulness": part()},
        RIGHT | {"tone": part()},
        RIGHT | {"coverage": 3},
        RIGHT | {"coverage": {"score": 3}},
        RIGHT | {"coverage": part() | {"confidence": 1}},
        RIGHT | {"coverage": part(evidence=" ")},
        RIGHT | {"coverage": part(evidence=None)},
        RIGHT | {"coverage": part(5)},
        RIGHT | {"coverage": part(-1)},
        RIGHT | {"coverage": part(3.0)},
        RIGHT | {"coverage": part("3")},
        RIGHT | {"coverage": part(True)},
        RIGHT | {"coverage": part(None)},
    ],
)
def test_anything_else_is_unreadable_and_says_why(content):
    found = read(content)
    assert isinstance(found, Unreadable)
    assert found.why.startswith("expected ")


def test_a_judgement_that_was_cut_off_is_unreadable_even_if_it_parses():
    assert "cut off" in read(RIGHT, "length").why


@given(st.text(max_size=200))
def test_no_prose_becomes_a_score(text):
    assert isinstance(read(text), Unreadable)


def test_a_verdict_is_first_second_or_tie():
    for better in ("first", "second", "tie"):
        text = json.dumps({"evidence": "x", "better": better})
        assert read_verdict(Completion(text, "stop", 9)) == better


@pytest.mark.parametrize(
    "content",
    ["first", {"better": "first"}, {"evidence": "", "better": "first"},
     {"evidence": "x", "better": "both"}, {"evidence": "x", "better": ["first"]}],
)  # fmt: skip
def test_any_other_verdict_is_unreadable(content):
    text = content if isinstance(content, str) else json.dumps(content)
    assert isinstance(read_verdict(Completion(text, "stop", 9)), Unreadable)
