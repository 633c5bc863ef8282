import pytest
from pydantic import ValidationError

from configs.load import load_task
from configs.task import TaskConfig

TASK = load_task("clinical-notes")
LISTS = {"type": "object", "properties": {"late": {"type": "array"}, "early": {"type": "array"}}}


def task(**changed):
    return TaskConfig(**{"name": "t", "output_schema": LISTS} | changed)


def test_the_text_stands_in_the_prompt_as_it_is():
    text = "50% {text} {other} \\n"
    assert task(user_prompt="Read: {text}").messages(text) == [
        {"role": "user", "content": f"Read: {text}"}
    ]


def test_a_system_prompt_comes_first():
    roles = [message["role"] for message in TASK.messages("note")]
    assert roles == ["system", "user"]


def test_the_answer_follows_the_order_of_the_schema_and_keeps_letters():
    assert task().answer({"early": ["é"], "late": ["b"]}) == '{"late": ["b"], "early": ["é"]}'
    assert task().fields == ("late", "early")


def test_an_empty_list_is_answered_only_where_the_schema_requires_it():
    empty = {"late": [], "early": []}
    assert task().answer(empty) == "{}"
    assert task(output_schema=LISTS | {"required": ["early"]}).answer(empty) == '{"early": []}'


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"user_prompt": "no placeholder"}, "a placeholder such as {text}"),
        ({"output_schema": {"type": "array"}}, "of type object with properties"),
        ({"output_schema": {"type": "object"}}, "of type object with properties"),
        ({"output_schema": {"type": "objekt"}}, "expected a valid JSON Schema"),
        (
            {"output_schema": {"type": "object", "properties": {"dose": {"type": "string"}}}},
            "property 'dose' to be of type array",
        ),
        (
            {"output_schema": {"type": "object", "properties": {"dose": True}}},
            "property 'dose' to be of type array",
        ),
        ({"name": "Has Spaces"}, "name"),
    ],
    ids=["prompt", "array", "no properties", "no schema", "string field", "any field", "name"],
)
def test_a_task_that_cannot_be_scored_is_refused(changed, message):
    with pytest.raises(ValidationError, match=message):
        task(**changed)


CLASSES = {"name": "t", "kind": "classification", "labels": ["yes", "no"]}
QA = {"name": "t", "kind": "grounded-qa", "user_prompt": "{context}\n{question}"}
ANSWER = {"type": "object", "required": ["answer"], "properties": {
    "answer": {"type": "string"}, "citation": {"type": "string"}}}  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"name": "t"}, "output_schema: missing; extraction needs one"),
        (CLASSES | {"labels": ["yes"]}, r"labels: expected at least two, got \['yes'\]"),
        (CLASSES | {"labels": ["Yes", "yes"]}, "each name once"),
        (CLASSES | {"labels": ["yes ", "no"]}, "string_pattern_mismatch"),
        (CLASSES | {"output_schema": LISTS}, "output_schema: expected none for classification"),
        (CLASSES | {"constrained": True}, "constrained: expected an output_schema to decode by"),
        (QA | {"labels": ["a", "b"]}, "labels: expected none for grounded-qa; leave it out"),
        (QA | {"output_schema": LISTS}, "expected a property 'answer', got late, early"),
        ({"name": "t", "kind": "summarisation", "grounding": {"no_answer": "x"}}, "grounding: exp"),
        ({"name": "t", "kind": "summarisation",
          "summary": {"min_length_ratio": 2, "max_length_ratio": 1}}, "of at most max_length_ratio"),
        (CLASSES | {"contains_phi": True, "show_text": True}, "show_text: expected false for rows"),
        (CLASSES | {"scorers": ["rouge", "rouge"]}, "each name once"),
        (CLASSES | {"kind": "sorting"}, "'extraction', 'classification', 'summarisation' or"),
    ],
)  # fmt: skip
def test_settings_that_contradict_the_kind_are_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        TaskConfig(**settings)


def test_text_is_shown_only_where_a_task_says_so():
    assert not TaskConfig(**CLASSES).show_text
    assert TaskConfig(**CLASSES, contains_phi=True).contains_phi


def test_any_field_of_a_row_may_stand_in_the_prompt():
    row = {
        "question": "{context}?",
        "context": [{"id": "P1", "text": "a"}, {"id": "P2", "text": "b"}],
    }
    prompted = TaskConfig(**QA)
    assert prompted.prompt_fields == ("context", "question")
    assert prompted.messages(row)[-1]["content"] == "[P1] a\n[P2] b\n{context}?"


def test_braces_around_more_than_a_name_are_plain_text():
    prompt = 'As {"drug": ["x"]} or {}: {text} { text }'
    assert task(user_prompt=prompt).messages("T")[-1]["content"] == prompt.replace("{text}", "T")


def test_examples_stand_between_the_system_prompt_and_the_row():
    shown = TaskConfig(
        **CLASSES, system_prompt="S", user_prompt="Q: {text}",
        few_shot=[{"input": {"text": "one"}, "target": "yes"}, {"input": {"text": "2"}, "target": "no"}],
    )  # fmt: skip
    assert [(m["role"], m["content"]) for m in shown.messages({"text": "three"})] == [
        ("system", "S"), ("user", "Q: one"), ("assistant", "yes"), ("user", "Q: 2"),
        ("assistant", "no"), ("user", "Q: three"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("example", "message"),
    [
        (
            {"input": {"text": "one"}, "target": "maybe"},
            "few_shot.0: target: expected one of yes, no",
        ),
        (
            {"input": {"note": "one"}, "target": "yes"},
            "few_shot.0: text: expected a non-empty string",
        ),
    ],
)
def test_an_example_that_is_no_row_of_the_task_is_refused(example, message):
    with pytest.raises(ValidationError, match=message):
        TaskConfig(**CLASSES, few_shot=[example])


def test_what_fine_tuning_teaches_depends_on_the_kind():
    target = {"citation": "P1", "answer": "5 mg", "aliases": ["five milligrams"]}
    assert TaskConfig(**CLASSES).answer("yes") == "yes"
    assert TaskConfig(name="t", kind="summarisation").answer("A summary.") == "A summary."
    assert TaskConfig(**QA).answer(target) == "5 mg"
    structured = TaskConfig(**QA, output_schema=ANSWER)
    assert structured.answer(target) == '{"answer": "5 mg", "citation": "P1"}'


@pytest.mark.parametrize(
    ("settings", "target", "problem"),
    [
        (CLASSES, "yes", None),
        (CLASSES, "Yes", ("target", "expected one of yes, no, got 'Yes'")),
        (CLASSES, 1, ("target", "expected one of yes, no, got 1")),
        ({"name": "t", "kind": "summarisation"}, " ", ("target", "expected a non-empty string, got ' '")),
        (QA, {"answer": "x", "aliases": ["y"]}, None),
        (QA, "x", ("target", "expected an object, got 'x'")),
        (QA, {"answer": ""}, ("target.answer", "expected a non-empty string, got ''")),
        (QA, {"answer": "x", "aliases": "y"}, ("target.aliases", "expected a list of strings, got 'y'")),
        (QA, {"answer": "x", "citation": 1}, ("target.citation", "expected a string, got 1")),
        (QA | {"output_schema": ANSWER}, {"answer": "x", "aliases": ["y"]}, None),
        (QA | {"output_schema": ANSWER | {"required": ["citation"]}}, {"answer": "x"},
         ("target", "'citation' is a required property")),
    ],
)  # fmt: skip
def test_a_target_has_the_form_of_its_kind(settings, target, problem):
    assert TaskConfig(**settings).target_problem(target) == problem


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("text", None), (7, None), (["a", "b"], None), ([{"id": "P1", "text": "a"}], None),
        (" ", "expected a non-empty string, got ' '"), (None, "expected a non-empty string, got None"),
        (True, "expected a non-empty string, got True"),
        ([], "expected text, a number or passages {id, text}, got []"),
        ([{"id": 1, "text": "a"}], "passages {id, text}, got [{'id': 1"),
        ({"a": 1}, "passages {id, text}, got {'a': 1}"),
    ],
)  # fmt: skip
def test_what_a_prompt_can_show_is_text_numbers_and_passages(value, problem):
    found = task().input_problem({"text": value})
    if problem is None:
        assert found is None
        assert task().messages({"text": value})[-1]["content"]
    else:
        assert found[0] == "text"
        assert problem in found[1]


def test_a_task_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        TASK.name = "other"


def test_answers_are_read_strictly_unless_the_task_says_otherwise():
    assert task().reading == "strict JSON: one JSON object and nothing around it"
    lenient = task(answer_format=("fenced", "after-thinking"))
    assert lenient == task(answer_format=("after-thinking", "fenced"))
    assert lenient.reading == (
        "one JSON object, perhaps after a thinking block, which is left out, perhaps inside one "
        "code fence"
    )
    assert task(output_schema=None, kind="classification", labels=("a", "b")).reading == (
        "one label and nothing around it"
    )


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        (("prose-around-fence",), "expected prose-around-fence beside fenced"),
        (("fenced", "fenced"), "expected each wrapping once"),
        (("markdown",), "'after-thinking', 'fenced' or 'prose-around-fence'"),
    ],
)
def test_a_declaration_of_how_answers_are_read_that_makes_no_sense_is_refused(declared, words):
    with pytest.raises(ValidationError, match=words):
        task(answer_format=declared)
