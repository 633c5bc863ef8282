"""A task: how a row of data becomes a prompt, and what a right answer looks like.

Does: validate task YAML; render chat messages and the target text that fine-tuning teaches.
Does not: score answers (evals/scorers.py) or read data (finetune/data.py).
"""

from __future__ import annotations

import json
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from pydantic import Field, field_validator

from configs.strict_model import StrictModel

Message = dict[str, str]


class Normalization(StrictModel):
    """How strings are made comparable before they count as equal."""

    lowercase: bool = True
    """Compare without regard to case (Unicode casefold)."""

    collapse_whitespace: bool = True
    """Treat any run of white space as one space and ignore it at the ends."""

    strip_punctuation: bool = True
    """Ignore punctuation at both ends of a string."""


class TaskConfig(StrictModel):
    """One extraction task."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Short name, as it appears in reports: lower-case letters, digits and hyphens."""

    kind: Literal["extraction"] = "extraction"
    """What is scored: `extraction` compares a JSON object with the gold one, field by field."""

    description: str = ""
    """One sentence for the reader of a report."""

    system_prompt: str = ""
    """System message of the chat; leave empty for none."""

    user_prompt: str = "{text}"
    """User message; `{text}` is replaced by the row's text."""

    output_schema: dict[str, Any]
    """JSON Schema (2020-12) of a right answer: an object whose properties are lists."""

    cluster_key: str = "doc_id"
    """Row field that says which rows depend on each other; resampling keeps them together."""

    slices: tuple[str, ...] = ()
    """Row fields by whose values scores are also reported."""

    normalization: Normalization = Normalization()
    """How strings are compared."""

    max_new_tokens: int = Field(default=256, ge=1, le=8192)
    """Longest answer that the model may write, in tokens."""

    @field_validator("user_prompt")
    @classmethod
    def _names_the_text(cls, value: str) -> str:
        if "{text}" not in value:
            raise ValueError("expected a prompt with the placeholder {text}; add it")
        return value

    @field_validator("output_schema")
    @classmethod
    def _is_an_object_of_lists(cls, value: dict[str, Any]) -> dict[str, Any]:
        try:
            Draft202012Validator.check_schema(value)
        except SchemaError as error:
            raise ValueError(f"expected a valid JSON Schema: {error.message}") from error
        if value.get("type") != "object" or not value.get("properties"):
            raise ValueError("expected a JSON Schema of type object with properties")
        for name, field in value["properties"].items():
            if not isinstance(field, dict) or field.get("type") != "array":
                raise ValueError(f"expected property {name!r} to be of type array")
        return value

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the answer's top-level fields, in the order of the schema."""
        return tuple(self.output_schema["properties"])

    def messages(self, text: str) -> list[Message]:
        """Chat messages that ask for the answer to one row's text."""
        system = [{"role": "system", "content": self.system_prompt}] if self.system_prompt else []
        return [*system, {"role": "user", "content": self.user_prompt.replace("{text}", text)}]

    def answer(self, target: dict[str, Any]) -> str:
        """The text that fine-tuning teaches for a target: JSON, keys at every level in schema order.

        An empty list is written only where the schema requires the field.
        """
        ordered = _in_schema_order(target, self.output_schema)
        required = self.output_schema.get("required", ())
        kept = {name: value for name, value in ordered.items() if value or name in required}
        return json.dumps(kept, ensure_ascii=False)


def _in_schema_order(value: Any, schema: Any) -> Any:
    """The value with the keys of its objects in the order of the schema; unknown ones left out."""
    if not isinstance(schema, dict):
        return value
    if isinstance(value, list):
        return [_in_schema_order(item, schema.get("items")) for item in value]
    properties = schema.get("properties")
    if not isinstance(value, dict) or not properties:
        return value
    return {
        name: _in_schema_order(value[name], inner)
        for name, inner in properties.items()
        if name in value
    }
