"""What a right answer is, by kind of task: its form, and the text that a model is taught.

Does: check targets, write them as text. Does not: score answers (evals/scorers/).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

TaskKind = Literal["extraction", "classification", "summarisation", "grounded-qa"]
MOST_SHOWN = 200
"""Characters of a wrong value that an error shows."""


def schema_problem(schema: Mapping[str, Any], kind: TaskKind) -> str | None:
    """Why answers to such a schema cannot be scored, as a sentence, or None if they can."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        return f"expected a valid JSON Schema: {error.message}"
    properties = schema.get("properties")
    if schema.get("type") != "object" or not properties:
        return "expected a JSON Schema of type object with properties"
    if kind == "extraction":
        for name, field in properties.items():
            if not isinstance(field, dict) or field.get("type") != "array":
                return f"expected property {name!r} to be of type array"
    elif kind == "grounded-qa" and "answer" not in properties:
        return f"expected a property 'answer', got {', '.join(properties)}"
    return None


def target_problem(
    target: Any,
    kind: TaskKind,
    output_schema: Mapping[str, Any] | None = None,
    labels: Sequence[str] = (),
) -> tuple[str, str] | None:
    """What is wrong with a target: (field, `expected ..., got ...`), or None if nothing is.

    Extraction: an object that the schema accepts. Classification: one of the labels.
    Summarisation: a non-empty string. Grounded QA: `{"answer": str}`, perhaps with `aliases`
    (answers that are as right) and `citation` (id of the passage that holds it); under a schema,
    the object without `aliases` must be one that the schema accepts.
    """
    if kind == "classification":
        if isinstance(target, str) and target in labels:
            return None
        return "target", f"expected one of {', '.join(labels)}, got {_shown(target)}"
    if kind == "summarisation":
        if isinstance(target, str) and target.strip():
            return None
        return "target", f"expected a non-empty string, got {_shown(target)}"
    if not isinstance(target, dict):
        return "target", f"expected an object, got {_shown(target)}"
    answered = target
    if kind == "grounded-qa":
        problem = _qa_problem(target)
        if problem is not None:
            return problem
        answered = {key: value for key, value in target.items() if key != "aliases"}
    if output_schema is not None:
        for broken in Draft202012Validator(output_schema).iter_errors(answered):
            steps = broken.absolute_path
            path = "".join(f"[{s}]" if isinstance(s, int) else f".{s}" for s in steps)
            return f"target{path}", broken.message[:MOST_SHOWN]
    return None


def _qa_problem(target: Mapping[str, Any]) -> tuple[str, str] | None:
    answer, aliases = target.get("answer"), target.get("aliases", [])
    if not isinstance(answer, str) or not answer.strip():
        return "target.answer", f"expected a non-empty string, got {_shown(answer)}"
    if not isinstance(aliases, list) or not all(isinstance(a, str) and a.strip() for a in aliases):
        return "target.aliases", f"expected a list of strings, got {_shown(aliases)}"
    if not isinstance(target.get("citation", ""), str):
        return "target.citation", f"expected a string, got {_shown(target['citation'])}"
    return None


def _shown(value: Any) -> str:
    return repr(value)[:MOST_SHOWN]


def target_text(target: Any, output_schema: Mapping[str, Any] | None = None) -> str:
    """The text that fine-tuning teaches for a target.

    A string stands for itself. Without a schema, an object stands for its `answer`. With one, it is
    JSON with the keys at every level in schema order; a value that is empty is written only where
    the schema requires it.
    """
    if isinstance(target, str):
        return target
    if output_schema is None:
        return str(target["answer"])
    ordered = _in_schema_order(target, output_schema)
    required = output_schema.get("required", ())
    kept = {name: value for name, value in ordered.items() if value or name in required}
    return json.dumps(kept, ensure_ascii=False)


def _in_schema_order(value: Any, schema: Any) -> Any:
    """The value with the keys of its objects in the order of the schema; unknown ones left out."""
    if not isinstance(schema, Mapping):
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
