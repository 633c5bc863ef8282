"""Score one raw answer against the gold JSON.

Does: strict JSON, schema conformance, exact match, and true and false positives per field under
the task's declared normalization. Does not: repair answers, or average over rows (evals/stats.py).
"""

from __future__ import annotations

import json
import string
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from configs.task import Normalization, TaskConfig

DEEPEST = 32
"""Levels of nesting in an answer; a deeper one (a model stuck on brackets) is not read."""

_STRIPPED = string.punctuation + "“”‘’«»"


@dataclass(frozen=True)
class Counts:
    """True positives, false positives and false negatives."""

    tp: int
    fp: int
    fn: int


@dataclass(frozen=True)
class RowScore:
    """Scores of one answer."""

    valid_json: bool
    """The whole answer is one JSON object (no prose around it, no repeated key, no NaN)."""
    schema_conformance: bool
    """Valid JSON that the task's output schema accepts."""
    exact_match: bool
    """Every field holds the gold items, in any order, and nothing else stands in the object."""
    fields: dict[str, Counts]


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


def normalize(text: str, rule: Normalization) -> str:
    """Apply the task's normalization to one string."""
    if rule.lowercase:
        text = text.casefold()
    if rule.collapse_whitespace:
        text = " ".join(text.split())
    return text.strip(_STRIPPED + " ") if rule.strip_punctuation else text


def _canonical(item: Any, rule: Normalization) -> str:
    """One hashable form per item: equal items, equal strings."""

    def settle(value: Any) -> Any:
        if isinstance(value, str):
            return normalize(value, rule)
        if isinstance(value, Mapping):
            return {key: settle(inner) for key, inner in value.items()}
        return [settle(inner) for inner in value] if isinstance(value, list) else value

    return json.dumps(settle(item), sort_keys=True, ensure_ascii=False)


def _items(content: Mapping[str, Any], field: str, rule: Normalization) -> Counter[str]:
    """Items of a field as a multiset; a value that is no list counts as one (wrong) item."""
    if field not in content:
        return Counter()
    value = content[field]
    if isinstance(value, list):
        return Counter(_canonical(item, rule) for item in value)
    return Counter([f"not a list: {_canonical(value, rule)}"])


def score_answer(
    text: str, target: Mapping[str, Any], task: TaskConfig, validator: Draft202012Validator
) -> RowScore:
    """Score one answer.

    An item is right when it equals a gold item as a whole after normalization (a medication with
    one wrong part is one false positive and one false negative). An answer that is not JSON finds
    nothing: every gold item is a false negative. Unknown keys break conformance, not the counts.
    """
    content = parse_answer(text)
    found = content or {}
    counts = {}
    for field in task.fields:
        gold = _items(target, field, task.normalization)
        got = _items(found, field, task.normalization)
        right = sum((gold & got).values())
        counts[field] = Counts(right, got.total() - right, gold.total() - right)
    all_right = all(c.fp == c.fn == 0 for c in counts.values())
    return RowScore(
        valid_json=content is not None,
        schema_conformance=content is not None and validator.is_valid(content),
        exact_match=content is not None and all_right and set(content) <= set(task.fields),
        fields=counts,
    )
