import doctest
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.answer_format import WRAPPINGS
from configs.load import load_task
from evals.scorers import answer_text as module
from evals.scorers.answer_text import answer_text, can_be_read
from evals.scorers.json_answer import parse_answer
from evals.scorers.registry import score_answers

NOTES = load_task("clinical-notes")
GOLD = {"medications": [], "problems": ["fever"], "allergies": [], "adverse_events": []}
JSON = json.dumps(GOLD)
FENCE = f"```json\n{JSON}\n```"
THOUGHT = f"<think>\nThe note says {{fever}}.\n</think>\n\n{JSON}"


def notes(*allowed):
    return NOTES.model_copy(update={"answer_format": allowed})


def read(text, *allowed):
    return parse_answer(answer_text(text, notes(*allowed)))


def test_the_example_holds():
    assert doctest.testmod(module).failed == 0


@pytest.mark.parametrize(
    "text", [FENCE, THOUGHT, f"Here you are: {JSON}", f"{JSON}\nThat is all.", f"`{JSON}`"]
)
def test_by_default_nothing_may_stand_around_a_json_answer(text):
    assert read(text) is None
    assert not can_be_read(text, "stop", NOTES)


@pytest.mark.parametrize("allowed", [(), ("fenced",), ("after-thinking",), WRAPPINGS])
def test_a_bare_answer_is_read_whatever_is_declared(allowed):
    assert read(f"\n {JSON} ", *allowed) == GOLD


@pytest.mark.parametrize(
    "text",
    [
        FENCE, f"```\n{JSON}\n```", f"\n```JSON title=x\n{JSON}\n```\n\n", f"~~~json\n{JSON}\n~~~",
        f"````json\n{JSON}\n````", FENCE.replace("\n", "\r\n"),
        f"```json\n{json.dumps(GOLD, indent=2)}\n```",
    ],
)  # fmt: skip
def test_one_fence_with_or_without_a_language_is_read_where_declared(text):
    assert read(text, "fenced") == GOLD
    assert can_be_read(text, "stop", notes("fenced"))


@pytest.mark.parametrize(
    "text",
    [
        f"{FENCE}\n{FENCE}", f"{FENCE}\n\n```\n\n```", f"```json\n{JSON}", f"```json\n{JSON}\n",
        "```json\n```", "```json\n```json\n" + JSON + "\n```\n```",
    ],
)  # fmt: skip
@pytest.mark.parametrize("allowed", [("fenced",), ("fenced", "prose-around-fence")])
def test_several_fences_and_one_that_never_ends_cannot_be_read(text, allowed):
    assert read(text, *allowed) is None


@pytest.mark.parametrize(
    "text",
    [
        f"Of the fields {{a}} and {{b: {{c}}}} I found:\n{FENCE}", f"{FENCE}\nNothing else {{}}.",
        f"Sure.\n\n1. First:\n\n   ```json\n   {JSON}\n   ```\n", f"<b>Answer</b>\n{FENCE}",
    ],
)  # fmt: skip
def test_prose_around_a_fence_is_left_out_only_where_declared(text):
    assert read(text, "fenced") is None
    assert read(text, "fenced", "prose-around-fence") == GOLD


def test_braces_in_prose_are_never_searched_for_json():
    assert read(f"The answer {{is}} {JSON}", *WRAPPINGS) is None


@pytest.mark.parametrize(
    "text",
    [
        THOUGHT, f"<think>\n\n</think>\n\n{JSON}", f"the template opened it </think>\n{JSON}",
        f"<think>a</think>\n<think>b</think>{JSON}", f"[THINK]a[/THINK]{JSON}",
        f"<thinking>It may be {FENCE} or not.</thinking>{JSON}",
    ],
)  # fmt: skip
def test_a_thinking_block_is_left_out_where_declared(text):
    assert read(text, "after-thinking") == GOLD
    assert read(text, "fenced") is None


def test_a_thought_that_never_ends_cannot_be_read():
    text = f"<think>It could be {JSON}"
    assert read(text, *WRAPPINGS) is None
    assert answer_text(text, notes(*WRAPPINGS)) == ""


def test_thinking_and_a_fence_are_declared_together():
    text = f"<think>a</think>\n\n{FENCE}"
    assert read(text, "after-thinking") is None
    assert read(text, "after-thinking", "fenced") == GOLD


def test_marks_inside_the_strings_of_a_bare_answer_are_text():
    odd = GOLD | {"problems": ["</think>", "\n```json\n{}\n```\n"]}
    assert read(json.dumps(odd), *WRAPPINGS) == odd


@given(st.text(alphabet="`~{}<>/think json\n\"'-", max_size=60))
def test_no_text_whatsoever_breaks_the_reader(text):
    for allowed in (("fenced",), WRAPPINGS):
        assert isinstance(answer_text(text, notes(*allowed)), str)


def test_a_label_is_read_after_thinking_in_quotes_and_in_a_fence():
    triage = load_task("message-triage")
    label = triage.labels[0]
    lenient = triage.model_copy(update={"answer_format": ("after-thinking", "fenced")})
    assert can_be_read(f'"{label}"', "length", triage)
    for text in (f"<think>Hm.</think>\n{label}", f"```text\n{label}\n```"):
        assert not can_be_read(text, "stop", triage)
        [columns] = score_answers(lenient, [text], [{"target": label}])
        assert (columns["accuracy"], columns["valid_label"]) == (True, True)


def test_a_summary_is_scored_without_its_thinking_and_is_unreadable_when_cut_off_or_empty():
    summaries = load_task("discharge-summary")
    lenient = summaries.model_copy(update={"answer_format": ("after-thinking",)})
    row = {"target": "Fever, now well.", "key_facts": ["fever"]}
    text = "<think>I should mention a cough.</think>Fever, now well."
    [strict], [read] = (score_answers(task, [text], [row]) for task in (summaries, lenient))
    assert read["rouge_l"] == 1.0 > strict["rouge_l"]
    assert can_be_read(text, "stop", lenient)
    assert not can_be_read(text, "length", lenient)
    assert not can_be_read("<think>I should", "stop", lenient)
    assert not can_be_read(" \n", "stop", summaries)


def test_a_grounded_answer_under_a_schema_is_read_as_declared():
    schema = {"type": "object", "properties": {"answer": {"type": "string"}}}
    qa = load_task("guideline-qa").model_copy(
        update={"output_schema": schema, "scorers": ("answer",), "answer_format": ("fenced",)}
    )
    row = {"target": {"answer": "5 mg"}}
    [columns] = score_answers(qa, ['```json\n{"answer": "5 mg"}\n```'], [row])
    assert (columns["exact_match"], columns["valid_json"]) == (True, True)
