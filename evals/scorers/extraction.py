"""Scorer `extraction`: a JSON object of lists against the gold one, item by item.

Does: strict JSON, schema conformance, exact match, and true and false positives per field under
the task's declared normalization; false items of one answer count only so far
(evals/scorers/false_items.py). Does not: repair answers, or average over rows (evals/stats/).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from jsonschema import Draft202012Validator

from configs.normalization import Normalization
from configs.task import TaskConfig
from evals.metric import Metric, count_metrics, mean_metric
from evals.scorers.false_items import CAP_WORDS, capped, without_surplus_copies
from evals.scorers.json_answer import parse_answer
from evals.scorers.scorer import FP_LEFT_OUT, Columns, RowScorer
from evals.scorers.text import normalize


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
    fp_left_out: int
    """False items that do not count: repeats, and what is beyond the cap."""


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


def score_answer(text: str, target: Mapping[str, Any], task: TaskConfig) -> RowScore:
    """Score one answer.

    An item is right when it equals a gold item as a whole after normalization (a medication with
    one wrong part is one false positive and one false negative). An item that is repeated more often
    than in the gold is one false positive, however often, and at most 2 x (gold items) + 3 count in
    a row. An answer that is not JSON finds nothing: every gold item is a false negative. Unknown
    keys break conformance, not the counts.
    """
    content = parse_answer(text)
    golds = {field: _items(target, field, task.normalization) for field in task.fields}
    gots = {field: _items(content or {}, field, task.normalization) for field in task.fields}
    right = {field: (gold & gots[field]).total() for field, gold in golds.items()}
    distinct = {
        field: without_surplus_copies(gold, gots[field]).total() - right[field]
        for field, gold in golds.items()
    }
    counting = capped(distinct, sum(gold.total() for gold in golds.values()))
    counts = {
        field: Counts(right[field], counting[field], gold.total() - right[field])
        for field, gold in golds.items()
    }
    all_right = all(c.fp == c.fn == 0 for c in counts.values())
    false_items = sum(got.total() for got in gots.values()) - sum(right.values())
    return RowScore(
        valid_json=content is not None,
        schema_conformance=conforms(content, task),
        exact_match=content is not None and all_right and set(content) <= set(task.fields),
        fields=counts,
        fp_left_out=false_items - sum(counting.values()),
    )


def missed_items(
    text: str, target: Mapping[str, Any], task: TaskConfig
) -> dict[str, tuple[Any, ...]]:
    """Gold items per field that an answer does not have, as the gold answer writes them.

    As many per field as `score_answer` counts as false negatives; fields without any are left out.
    """
    found = parse_answer(text) or {}
    missed: dict[str, tuple[Any, ...]] = {}
    for field in task.fields:
        left = _items(found, field, task.normalization)
        lacking = []
        for item in target.get(field) or ():
            form = _canonical(item, task.normalization)
            if left[form] > 0:
                left[form] -= 1
            else:
                lacking.append(item)
        if lacking:
            missed[field] = tuple(lacking)
    return missed


def conforms(content: dict[str, Any] | None, task: TaskConfig) -> bool:
    """Whether a parsed answer is one that the task's output schema accepts."""
    if content is None or task.output_schema is None:
        return False
    return Draft202012Validator(task.output_schema).is_valid(content)


class ExtractionScorer(RowScorer):
    """Items of a JSON object of lists."""

    measures = (
        "items found, per field and in all, and whether the answer is the JSON asked for; "
        f"{CAP_WORDS}"
    )

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """Micro-averaged F1, precision and recall over all items, shares of rows, and per field."""
        shares = (
            mean_metric(name, binary=True)
            for name in ("valid_json", "schema_conformance", "exact_match")
        )
        per_field = (metric for field in task.fields for metric in count_metrics(f".{field}"))
        return (*count_metrics(), *shares, *per_field)

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """Counts `tp`, `fp`, `fn`, in all and per field, the three shares, and `fp_left_out`, the
        false items that `fp` leaves out."""
        score = score_answer(text, row["target"], task)
        columns: Columns = {
            "valid_json": score.valid_json,
            "schema_conformance": score.schema_conformance,
            "exact_match": score.exact_match,
            "tp": sum(count.tp for count in score.fields.values()),
            "fp": sum(count.fp for count in score.fields.values()),
            "fn": sum(count.fn for count in score.fields.values()),
            FP_LEFT_OUT: score.fp_left_out,
        }
        for field, count in score.fields.items():
            columns |= {f"tp.{field}": count.tp, f"fp.{field}": count.fp, f"fn.{field}": count.fn}
        return columns
