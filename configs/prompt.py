"""Prompt templates: text with the names of row fields in braces.

Does: find the names, put a row's values in their place. Does not: build chats (configs/task.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def prompt_fields(template: str) -> tuple[str, ...]:
    """Names of the row fields that a template asks for, each once, in order of appearance.

    Braces around anything but one name, as in a JSON example, are plain text.
    """
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(template)))


def fill(template: str, row: Mapping[str, Any]) -> str:
    """The template with every `{name}` replaced by the row's field of that name, as it is.

    Braces in a row's values are not looked into. A list of passages `{"id", "text"}` becomes one
    `[id] text` per line, a list of strings one string per line.

    Raises:
        KeyError: when the row lacks a field.
    """
    return _PLACEHOLDER.sub(lambda match: prompt_text(row[match.group(1)]), template)


def prompt_text(value: Any) -> str:
    """How a field's value stands in a prompt."""
    if isinstance(value, list | tuple):
        return "\n".join(prompt_text(item) for item in value)
    if isinstance(value, Mapping):
        return f"[{value['id']}] {value['text']}"
    return str(value)


def prompt_value_problem(value: Any) -> str | None:
    """Why a value cannot stand in a prompt, as `expected ..., got ...`, or None if it can."""
    if isinstance(value, str):
        return None if value.strip() else f"expected a non-empty string, got {value!r}"
    if isinstance(value, bool) or value is None:
        return f"expected a non-empty string, got {value!r}"
    if isinstance(value, int | float):
        return None
    if isinstance(value, list) and value and all(map(_is_passage, value)):
        return None
    return f"expected text, a number or passages {{id, text}}, got {str(value)[:80]}"


def _is_passage(value: Any) -> bool:
    parts = [value.get("id"), value.get("text")] if isinstance(value, Mapping) else [value]
    return all(isinstance(part, str) and part.strip() for part in parts)
