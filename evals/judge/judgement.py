"""Read what a judge wrote, strictly: what is not exactly as asked is no judgement.

Does: accept one JSON object with every criterion, evidence and a whole number of the scale.
Does not: look for numbers in prose, repair JSON, or strip code fences.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from configs.rubric import RubricConfig
from evals.engines.completion import Completion
from evals.judge.prompts import VERDICTS
from evals.scorers.json_answer import parse_answer


@dataclass(frozen=True)
class Unreadable:
    """What a judge wrote that is no judgement."""

    why: str
    """`expected ..., got ...`."""


@dataclass(frozen=True)
class Judgement:
    """Scores of one answer, by criterion."""

    scores: dict[str, int]
    evidence: dict[str, str]


def read_judgement(completion: Completion, rubric: RubricConfig) -> Judgement | Unreadable:
    """The scores that a judge wrote about one answer, or why they cannot be read."""
    content = _read_object(completion, {criterion.name for criterion in rubric.criteria})
    if isinstance(content, Unreadable):
        return content
    scores, evidence = {}, {}
    for criterion in rubric.criteria:
        part = content[criterion.name]
        if not isinstance(part, dict) or set(part) != {"evidence", "score"}:
            return _unreadable(f"evidence and score of {criterion.name}", part)
        if not isinstance(part["evidence"], str) or not part["evidence"].strip():
            return _unreadable(f"evidence of {criterion.name} in words", part["evidence"])
        # `True` and `1.0` equal 1 in Python, but are no scores.
        if type(part["score"]) is not int or part["score"] not in criterion.levels:
            levels = ", ".join(str(level) for level in criterion.levels)
            return _unreadable(f"one of {levels} as score of {criterion.name}", part["score"])
        scores[criterion.name], evidence[criterion.name] = part["score"], part["evidence"]
    return Judgement(scores, evidence)


def read_verdict(completion: Completion) -> str | Unreadable:
    """`first`, `second` or `tie`, or why the comparison cannot be read."""
    content = _read_object(completion, {"evidence", "better"})
    if isinstance(content, Unreadable):
        return content
    if not isinstance(content["evidence"], str) or not content["evidence"].strip():
        return _unreadable("evidence in words", content["evidence"])
    if content["better"] not in VERDICTS:
        return _unreadable(f"one of {', '.join(VERDICTS)}", content["better"])
    return str(content["better"])


def _read_object(completion: Completion, keys: set[str]) -> dict[str, Any] | Unreadable:
    if completion.finish_reason == "length":
        return Unreadable("expected a whole judgement, got one that was cut off at max_new_tokens")
    content = parse_answer(completion.text)
    if content is None:
        return _unreadable("one JSON object and nothing else", completion.text)
    if set(content) != keys:
        return _unreadable(f"an object of {', '.join(sorted(keys))}", content)
    return content


def _unreadable(expected: str, got: Any) -> Unreadable:
    return Unreadable(f"expected {expected}, got {str(got)[:80]!r}")
