"""Read the JSON object that an answer should be.

Does: be strict (no prose around it, no repeated key, no NaN). Does not: repair anything.
"""

from __future__ import annotations

import json
from typing import Any

DEEPEST = 32
"""Levels of nesting in an answer; a deeper one (a model stuck on brackets) is not read."""


def parse_answer(text: str) -> dict[str, Any] | None:
    """The JSON object that `text` is, or None; white space around it is allowed, prose is not.

    None also for repeated keys, NaN and Infinity, and nesting beyond `DEEPEST` levels.
    """
    try:
        content = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) and _depth(content) <= DEEPEST else None


def _depth(content: Any) -> int:
    level, depth = [content], 0
    while level:
        depth += 1
        level = [
            inner
            for value in level
            for inner in (value.values() if isinstance(value, dict) else value)
            if isinstance(inner, dict | list)
        ]
    return depth


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key is repeated")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
