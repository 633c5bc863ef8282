"""What every engine takes and returns."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, Protocol

from pydantic import Field

from configs.strict_model import StrictModel

if TYPE_CHECKING:
    from evals.engines.identity import EngineIdentity

Message = dict[str, str]
Progress = Callable[[int, int], None]


class Decoding(StrictModel):
    """How an answer is decoded; always greedily, so that a re-run gives the same answers."""

    max_new_tokens: int = Field(ge=1)
    """Longest answer, in tokens."""

    json_schema: dict[str, Any] | None = None
    """Let the model write only JSON that this schema accepts; None leaves it free."""

    stop: tuple[Annotated[str, Field(min_length=1)], ...] = ()
    """Strings that end an answer and are not part of it, besides the model's own end tokens."""


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
    input_tokens: int = 0
    """Tokens of the prompt; 0 when the source does not say."""
    latency_s: float = 0.0
    """Seconds from the start of work on it to the whole answer, while others share the machine; 0
    when the source does not say."""


class StopAnswering(Exception):
    """Raised by `on_progress` to say that no more answers are wanted; `Engine.answer` passes it on."""


class Engine(Protocol):
    """Anything that answers chats."""

    name: str

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """Answer every request, in the order given.

        Args:
            on_progress: called with (answered, asked) whenever answers are finished.
        Raises:
            EngineError: when any request stays unanswered; no partial list is returned.
            StopAnswering: when `on_progress` does; work that is under way is given up.
        """
        ...

    def identity(self, decoding: Decoding) -> EngineIdentity:
        """What the engine's answers depend on besides the prompt (evals/engines/identity.py)."""
        ...


def prompt_digest(messages: Sequence[Message], decoding: Decoding) -> str:
    """sha256 over what an answer depends on apart from the model: messages and decoding."""
    asked: list[Any] = [list(messages), decoding.max_new_tokens]
    if decoding.json_schema is not None or decoding.stop:
        # Text, so that its order counts: answers have their properties in the schema's order.
        schema = json.dumps(decoding.json_schema, ensure_ascii=False)
        asked.append({"json_schema": schema, "stop": list(decoding.stop)})
    content = json.dumps(asked, ensure_ascii=False, sort_keys=True)
    return "sha256:" + hashlib.sha256(content.encode()).hexdigest()
