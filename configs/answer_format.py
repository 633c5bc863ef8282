"""What may stand around an answer: how a task says that its answers are read.

Does: name the wrappings and put a declaration into words. Does not: read answers
(evals/scorers/answer_text.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

Wrapping = Literal["after-thinking", "fenced", "prose-around-fence"]
WRAPPINGS: tuple[Wrapping, ...] = get_args(Wrapping)
WORDS: dict[Wrapping, str] = {
    "after-thinking": "perhaps after a thinking block, which is left out",
    "fenced": "perhaps inside one code fence",
    "prose-around-fence": "perhaps with text around that fence, which is left out",
}


def in_order(wrappings: Sequence[Wrapping]) -> tuple[Wrapping, ...]:
    """The same wrappings in one order, so that equal declarations have equal digests."""
    return tuple(wrapping for wrapping in WRAPPINGS if wrapping in wrappings)


def format_problem(wrappings: Sequence[Wrapping]) -> str | None:
    """Why a declaration makes no sense, as `expected ..., got ...`, or None if it does."""
    if len(set(wrappings)) != len(wrappings):
        return f"expected each wrapping once, got {list(wrappings)}"
    if "prose-around-fence" in wrappings and "fenced" not in wrappings:
        return "expected prose-around-fence beside fenced, got it alone; add fenced"
    return None


def format_words(answer: str, wrappings: Sequence[Wrapping]) -> str:
    """How answers are read, as a clause: `strict JSON: one object and nothing around it`.

    Args:
        answer: what an answer is: `one JSON object`, `one label`, `a text`.

    >>> format_words("one JSON object", ("fenced",))
    'one JSON object, perhaps inside one code fence'
    """
    if not wrappings:
        start = "strict JSON: " if "JSON" in answer else ""
        return f"{start}{answer} and nothing around it"
    return ", ".join([answer, *(WORDS[wrapping] for wrapping in in_order(wrappings))])
