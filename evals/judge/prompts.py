"""What the judge is shown: the rubric with the texts to grade between fences.

Does: chats for one answer and for two, in several orders of criteria and levels; the JSON Schemas of
what the judge has to write. Does not: read what it wrote (evals/judge/judgement.py).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from configs.prompt import fill
from configs.rubric import Criterion, RubricConfig
from evals.engines.completion import Message

VERDICTS = ("first", "second", "tie")


@dataclass(frozen=True)
class Item:
    """One answer to be judged."""

    id: str
    """Names it in errors; unique among the answers judged together."""
    input: str
    """What was answered."""
    reference: str
    """A right answer; empty where there is none."""
    answer: str
    """What is graded."""


@dataclass(frozen=True)
class Pair:
    """Two answers to one input."""

    id: str
    cluster: str
    input: str
    reference: str
    answers: tuple[str, str]


def point_messages(rubric: RubricConfig, item: Item, presentation: int = 0) -> list[Message]:
    """The chat that has one answer graded.

    Args:
        presentation: which order of criteria and levels, from 0 (as written) to
            `configs.judge.distinct_presentations` - 1.
    """
    texts = {"input": item.input, "reference": item.reference, "answer": item.answer}
    example = {
        criterion.name: {"evidence": "words that decide", "score": criterion.levels[0]}
        for criterion in rubric.criteria
    }
    scores = "; ".join(
        f"{c.name}: {', '.join(str(level) for level in c.levels)}" for c in rubric.criteria
    )
    form = (
        "Write one JSON object and nothing else, in exactly this form, with one of these whole "
        f"numbers as each score ({scores}):\n{json.dumps(example)}"
    )
    return _chat(rubric, rubric.prompt, texts, form, presentation)


def pair_messages(rubric: RubricConfig, pair: Pair, swapped: bool) -> list[Message]:
    """The chat that has two answers compared; `swapped` shows the second one first."""
    first, second = reversed(pair.answers) if swapped else pair.answers
    texts = {"input": pair.input, "reference": pair.reference, "first": first, "second": second}
    example = json.dumps({"evidence": "words that decide", "better": "tie"})
    form = (
        "Write one JSON object and nothing else, in exactly this form, with first, second or tie "
        f"as the verdict:\n{example}"
    )
    return _chat(rubric, rubric.pair_prompt, texts, form, 0)


def point_schema(rubric: RubricConfig) -> dict[str, Any]:
    """JSON Schema of a judgement of one answer: per criterion evidence, then a score."""
    return _object(
        {
            criterion.name: _object(
                {
                    "evidence": {"type": "string", "minLength": 1},
                    "score": {"type": "integer", "enum": list(criterion.levels)},
                }
            )
            for criterion in rubric.criteria
        }
    )


def pair_schema() -> dict[str, Any]:
    """JSON Schema of a comparison of two answers."""
    return _object(
        {
            "evidence": {"type": "string", "minLength": 1},
            "better": {"type": "string", "enum": list(VERDICTS)},
        }
    )


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _chat(
    rubric: RubricConfig, template: str, texts: dict[str, str], form: str, presentation: int
) -> list[Message]:
    values = {name: fenced(text) for name, text in texts.items()}
    values |= {"criteria": _criteria(rubric, presentation), "form": form}
    system = [{"role": "system", "content": rubric.system_prompt}] if rubric.system_prompt else []
    return [*system, {"role": "user", "content": fill(template, values)}]


def fenced(text: str) -> str:
    """A text between fences that it cannot close, whatever it contains."""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"


def _criteria(rubric: RubricConfig, presentation: int) -> str:
    """Odd presentations list the levels downwards; pairs of them rotate criteria, then levels."""
    rotation, downwards = divmod(presentation, 2)
    turned, first = divmod(rotation, len(rubric.criteria))
    ordered = rubric.criteria[first:] + rubric.criteria[:first]
    return "\n\n".join(_criterion(c, turned % len(c.levels), bool(downwards)) for c in ordered)


def _criterion(criterion: Criterion, turned: int, downwards: bool) -> str:
    levels = criterion.levels[::-1] if downwards else criterion.levels
    lines = [f"- {level}: {criterion.scale[level]}" for level in levels[turned:] + levels[:turned]]
    return "\n".join([f"{criterion.name}: {criterion.description}", *lines])
