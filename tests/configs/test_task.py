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
        ({"user_prompt": "no placeholder"}, "placeholder {text}"),
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


def test_a_task_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        TASK.name = "other"
