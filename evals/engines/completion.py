"""What every engine takes and returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

Message = dict[str, str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Request:
    """One chat to be answered."""

    id: str
    messages: list[Message]
    prompt_digest: str


@dataclass(frozen=True)
class Completion:
    """One answer as the model gave it."""

    text: str
    finish_reason: Literal["stop", "length"]
    """`length` when the answer was cut off at the token limit."""
    output_tokens: int
    """Tokens written; 0 when the source does not say."""


class Engine(Protocol):
    """Anything that answers chats."""

    name: str

    def answer(
        self,
        requests: Sequence[Request],
        max_new_tokens: int,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer every request, in the order given.

        Raises:
            EngineError: when any request stays unanswered; no partial list is returned.
        """
        ...


def prompt_digest(messages: Sequence[Message], max_new_tokens: int) -> str:
    """sha256 over what an answer depends on apart from the model: messages and token limit."""
    content = json.dumps([list(messages), max_new_tokens], ensure_ascii=False, sort_keys=True)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()
