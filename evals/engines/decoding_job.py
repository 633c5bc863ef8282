"""What a decoder is asked to do and what it gives back, in tokens.

Does: say when an answer ends, the same for every decoder. Does not: run a model, or know texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

FinishReason = Literal["stop", "length"]


class Constraint(Protocol):
    """What one answer may consist of."""

    def choose(self, logits: Any, best: int) -> int:
        """The allowed token of highest logit, taken as the next one; `best` is that of all."""
        ...

    @property
    def complete(self) -> bool:
        """Whether nothing may follow."""
        ...


@dataclass
class TokenAnswer:
    """One answer."""

    tokens: list[int]
    """End token included."""
    finish_reason: FinishReason
    seconds: float
    """From the start of work on its prompt to its last token."""


@dataclass(frozen=True)
class DecodingJob:
    """Prompts to be answered greedily."""

    prompts: Sequence[list[int]]
    """Token ids, at least one per prompt."""
    rows_at_once: int
    max_new_tokens: int
    end_tokens: Sequence[int]
    new_constraint: Callable[[], Constraint] | None = None
    """Makes the constraint of one answer."""
    ends_text: Callable[[list[int]], bool] = lambda tokens: False
    """Whether an answer of these tokens ends here because of its text; asked after each token."""
    on_finished: Callable[[int], None] = lambda finished: None
    """Called with the number of finished answers when it has grown; what it raises ends the job."""

    @property
    def longest_first(self) -> list[int]:
        """Indices of the prompts: what does not fit in memory fails at once, not at the end."""
        return sorted(range(len(self.prompts)), key=lambda index: -len(self.prompts[index]))

    def finish_reason(
        self, tokens: list[int], constraint: Constraint | None
    ) -> FinishReason | None:
        """Why an answer ends with the last of these tokens, or None if it goes on."""
        if tokens[-1] in self.end_tokens or self.ends_text(tokens):
            return "stop"
        if constraint is not None and constraint.complete:
            return "stop"
        return "length" if len(tokens) == self.max_new_tokens else None
