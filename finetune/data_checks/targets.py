"""What a target says, by kind of task: which classes or fields it has, and which strings.

Does: make targets of any kind countable. Does not: say whether they are valid (configs/target.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from configs.task import TaskConfig
from finetune.data_checks.rows import canonical

MOST_SHOWN = 60
NOTHING = "(nothing)"
ANSWERED, NOT_ANSWERABLE = "(answered)", "(not answerable)"


def categories(target: Any, task: TaskConfig) -> list[str]:
    """The classes or fields of one target, once per gold item.

    Extraction: a field per item, with `field=value` besides where the schema lists the values, and
    `(nothing)` for an empty object. Classification: the label. Grounded QA: whether there is an
    answer. Summarisation has none.
    """
    if task.kind == "classification":
        return [target]
    if task.kind == "grounded-qa":
        return [NOT_ANSWERABLE if target["answer"] == task.grounding.no_answer else ANSWERED]
    if task.kind == "summarisation":
        return []
    schema = task.output_schema or {}
    found = []
    for field in task.fields:
        items = schema["properties"][field].get("items", {})
        for item in target.get(field, []):
            found += [field, *_closed(field, item, items)]
    return found or [NOTHING]


def shown_target(target: Any, task: TaskConfig) -> str | None:
    """A target as a report may show it, shortened; None where reports must not show text of rows."""
    if task.kind != "classification" and not task.show_text:
        return None
    text = canonical(target)
    return text if len(text) <= MOST_SHOWN else f"{text[:MOST_SHOWN]}..."


def is_value(category: str) -> bool:
    """Whether a category is a value of a field, `field=value`, and not the field itself."""
    return "=" in category


def _closed(name: str, item: Any, schema: Any) -> list[str]:
    if not isinstance(schema, Mapping):
        return []
    if isinstance(item, Mapping):
        inner = schema.get("properties", {})
        return [
            c
            for key, value in item.items()
            for c in _closed(f"{name}.{key}", value, inner.get(key))
        ]
    return [f"{name}={item}"] if "enum" in schema else []


def closed_values(schema: Any) -> frozenset[str]:
    """Every string that a schema lists as a possible value (`enum`, `const`), at any depth."""
    if isinstance(schema, Mapping):
        own = [*schema.get("enum", ()), schema.get("const")]
        nested = [v for inner in schema.values() for v in closed_values(inner)]
        return frozenset([v for v in own if isinstance(v, str)] + nested)
    if isinstance(schema, list):
        return frozenset(v for inner in schema for v in closed_values(inner))
    return frozenset()


def gold_strings(target: Any) -> Iterator[str]:
    """Every string of a target, at any depth."""
    if isinstance(target, str):
        yield target
    elif isinstance(target, Mapping):
        for value in target.values():
            yield from gold_strings(value)
    elif isinstance(target, list | tuple):
        for value in target:
            yield from gold_strings(value)
