"""A teacher's answers to one document, and the target that they agree on.

Does: read an answer as a target of the task; compare samples. Does not: repair an answer.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from configs.canonical_json import canonical_json
from configs.errors import ConfigError
from configs.task import TaskConfig

Reason = Literal["cut off", "unreadable", "breaks the task", "no agreement"]
FENCED = re.compile(r"```(?:json)?[ \t]*\n(.*)\n?```", re.DOTALL)
SHOWN = 120
"""Characters of an unreadable answer that are shown."""


@dataclass(frozen=True)
class Answer:
    """What a teacher wrote."""

    text: str
    cut_off: bool = False
    """Whether it ended at the token limit."""


@dataclass(frozen=True)
class Unusable:
    """Why nothing was learned from answers."""

    reason: Reason
    detail: str
    """In words; may quote the answer."""


@dataclass(frozen=True)
class Agreed:
    """The target of a document and how many answers gave it."""

    target: Any
    votes: int


def target_of(answer: Answer, task: TaskConfig) -> Any | Unusable:
    """The target that an answer stands for, valid for the task.

    A label counts in any case. JSON may stand in one code fence, which many chat models put around
    it; prose beside it, a repeated key or NaN makes it unreadable.
    """
    if answer.cut_off:
        return Unusable("cut off", f"expected at most {task.max_new_tokens} tokens, got more")
    text = answer.text.strip()
    target: Any = text
    if task.kind == "classification":
        target = next((x for x in task.labels if x.casefold() == text.casefold()), text)
    elif task.kind == "grounded-qa" and task.output_schema is None:
        target = {"answer": text}
    elif task.kind in ("extraction", "grounded-qa"):
        try:
            target = _json_in(text)
        except (ValueError, RecursionError) as error:
            found = f"{error}: {text[:SHOWN]!r}"
            return Unusable("unreadable", f"expected one JSON object, got {found}")
    problem = task.target_problem(target)
    return Unusable("breaks the task", f"{problem[0]}: {problem[1]}") if problem else target


def _json_in(text: str) -> Any:
    fenced = FENCED.fullmatch(text)
    content = fenced.group(1) if fenced else text
    return json.loads(content, object_pairs_hook=_unique, parse_constant=_refuse_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise ValueError("a key is repeated")
    return content


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def require_comparable_answers(task: TaskConfig, samples: int) -> None:
    """Refuse samples of a task whose right answers can be worded in many ways.

    Raises:
        ConfigError: when a summarisation is to be sampled more than once.
    """
    if samples > 1 and task.kind == "summarisation":
        raise ConfigError(
            f"samples of task {task.name}",
            f"expected 1 for a summarisation, whose samples never agree word for word, got {samples}",
            "Ask for one greedy answer.",
        )


def agreed_target(
    answers: Sequence[Answer], agreement: int, task: TaskConfig
) -> Agreed | Unusable:  # fmt: skip
    """The target that at least `agreement` of the answers give (Wang et al. 2023, arXiv 2203.11171).

    Lists are the same in any order. Unusable answers count as dissent.

    Args:
        answers: at least one.
        agreement: more than half of their number, so that two targets never both have it.
    Returns:
        The target as the first answer that gave it wrote it; or why there is none.
    """
    read = [target_of(answer, task) for answer in answers]
    usable = [target for target in read if not isinstance(target, Unusable)]
    broken = [problem for problem in read if isinstance(problem, Unusable)]
    if len(usable) < agreement:
        return broken[0]
    keys = [canonical_json(_in_any_order(target)) for target in usable]
    key, votes = Counter(keys).most_common(1)[0]
    if votes < agreement:
        return Unusable(
            "no agreement", f"expected {agreement} of {len(answers)} to agree, got {votes}"
        )
    return Agreed(usable[keys.index(key)], votes)


def _in_any_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _in_any_order(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted((_in_any_order(inner) for inner in value), key=canonical_json)
    return value
