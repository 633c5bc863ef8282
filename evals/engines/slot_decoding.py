"""Greedy decoding of many prompts with few rows in flight, faster than `model.generate`.

Does: hand a finished row's place to a waiting one; run the tokens that all prompts begin with only
once; guess the next tokens from earlier answers and check several in one pass. Does not: change
what is answered: every token is the one of highest logit after the tokens before it. Imported only
together with torch.
"""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import torch

from evals.engines.drafts import Drafts, RowDraft
from evals.engines.slot_cache import ATTENTION, SlotCache

# Architectures for which tests/evals/engines/test_slot_decoding.py proves equality with generate().
ARCHITECTURES = ("gemma", "gemma3_text", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2",
                 "qwen3", "smollm3")  # fmt: skip
SHORTEST_PREFIX = 8  # tokens; copying fewer saves nothing


class Constraint(Protocol):
    """What one answer may consist of."""

    def choose(self, logits: torch.Tensor, best: int) -> int:
        """The allowed token of highest logit, which is `best` if that is allowed; it is taken."""
        ...

    @property
    def complete(self) -> bool:
        """Whether nothing may follow."""
        ...


@dataclass
class Answer:
    """Tokens of one answer, the end token included."""

    tokens: list[int]
    finish_reason: Literal["stop", "length"]
    seconds: float


class _Row:
    """A row in flight."""

    def __init__(self, index: int, prompt: list[int], constraint: Constraint | None) -> None:
        self.index, self.prompt, self.constraint = index, prompt, constraint
        self.draft = RowDraft(prompt)
        self.started = time.monotonic()
        self.tokens: list[int] = []
        self.finish_reason: Literal["stop", "length"] | None = None

    @property
    def length(self) -> int:
        """Tokens whose keys and values are stored: all but the last."""
        return len(self.prompt) + len(self.tokens) - 1

    @property
    def last(self) -> int:
        """The last token so far."""
        return self.draft.tokens[-1]


def can_decode_in_slots(model: Any) -> bool:
    """Whether `decode_in_slots` is proved for this model.

    Not for other architectures, for attention that is soft-capped or looks ahead, for rotary
    frequencies that depend on the longest row, and for adapters other than LoRA.
    """
    from peft import PeftModel

    if isinstance(model, PeftModel):
        if any(config.peft_type != "LORA" for config in model.peft_config.values()):
            return False
        model = model.get_base_model()
    config = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = {rope.get("rope_type"), *(r.get("rope_type") for r in rope.values() if isinstance(r, dict))}
    layer_types = set(getattr(config, "layer_types", None) or ())
    return (
        config.model_type in ARCHITECTURES
        and layer_types <= {"full_attention", "sliding_attention"}
        and not kinds & {"dynamic", "longrope"}
        and not getattr(config, "use_bidirectional_attention", None)
        and getattr(config, "attn_logit_softcapping", None) is None
    )


def decode_in_slots(
    model: Any,
    prompts: Sequence[list[int]],
    *,
    slots: int,
    max_new_tokens: int,
    end_tokens: Sequence[int],
    constraint: Callable[[], Constraint] | None = None,
    ends: Callable[[list[int]], bool] = lambda tokens: False,
    on_finished: Callable[[int], None] = lambda finished: None,
) -> list[Answer]:
    """Answer every prompt, in the order given.

    Args:
        prompts: token ids, at least one per prompt.
        slots: rows in flight at once.
        constraint: makes a fresh constraint for each row.
        ends: whether an answer with these tokens ends here, asked after each token.
        on_finished: called with the number of finished answers whenever it grows; what it raises
            ends the decoding.
    """
    from peft import PeftModel

    base = model.get_base_model() if isinstance(model, PeftModel) else model
    batch = _Batch(base, prompts, slots)
    drafts = Drafts()
    # Longest first: what does not fit in memory fails at once, not at the end.
    waiting = deque(sorted(range(len(prompts)), key=lambda index: -len(prompts[index])))
    answers: dict[int, Answer] = {}
    with torch.inference_mode(), _slot_attention(base):
        while waiting or batch.rows:
            free = slots - len(batch.rows)
            # A few at a time: their prompts then share one forward pass.
            if waiting and free >= max(1, slots // 4):
                chosen = [waiting.popleft() for _ in range(min(free, len(waiting)))]
                batch.admit([_Row(i, prompts[i], constraint and constraint()) for i in chosen])
            guesses = drafts.guess([row.draft for row in batch.rows])
            logits = batch.forward(guesses)
            best = logits.argmax(dim=-1).tolist()
            for line, row in enumerate(batch.rows):
                known = len(row.tokens)
                for place, guess in enumerate([*guesses[line], None]):
                    token = best[line][place]
                    if row.constraint is not None:
                        token = row.constraint.choose(logits[line, place], token)
                    row.tokens.append(token)
                    row.finish_reason = _finish_reason(row, max_new_tokens, end_tokens, ends)
                    if row.finish_reason is not None or token != guess:
                        break
                drafts.learn(row.draft, row.tokens[known:])
            finished = batch.remove_finished()
            for row in finished:
                seconds = time.monotonic() - row.started
                answers[row.index] = Answer(row.tokens, row.finish_reason or "stop", seconds)
            if finished:
                on_finished(len(answers))
    return [answers[index] for index in range(len(prompts))]


def _finish_reason(
    row: _Row,
    max_new_tokens: int,
    end_tokens: Sequence[int],
    ends: Callable[[list[int]], bool],
) -> Literal["stop", "length"] | None:
    if row.tokens[-1] in end_tokens or ends(row.tokens):
        return "stop"
    if row.constraint is not None and row.constraint.complete:
        return "stop"
    return "length" if len(row.tokens) == max_new_tokens else None


@contextmanager
def _slot_attention(model: Any) -> Iterator[None]:
    usual = model.config._attn_implementation
    model.set_attn_implementation(ATTENTION)
    try:
        yield
    finally:
        model.set_attn_implementation(usual)


class _Batch:
    """The rows in flight, in slots 0, 1, ... without a gap, and their cache."""

    def __init__(self, model: Any, prompts: Sequence[list[int]], slots: int) -> None:
        self.model, self.rows = model, list[_Row]()
        # The last slot holds the keys and values of the tokens that all prompts begin with.
        self.cache, self.prefix_slot = SlotCache(slots + 1), slots
        prefix = os.path.commonprefix(list(prompts)) if len(prompts) > 1 else []
        # A prompt's last token is left for the first decoding pass.
        shared = min(len(prefix), min(len(prompt) for prompt in prompts) - 1)
        self.prefix = prompts[0][:shared] if shared >= SHORTEST_PREFIX else []

    def admit(self, rows: list[_Row]) -> None:
        """Give slots to rows and run their prompts but for the last token of each."""
        shared = len(self.prefix)
        if self.prefix and not self.cache.memory:
            self._run(self.prefix_slot, [self.prefix], [0], logits_to_keep=1)
        first = len(self.rows)
        self.rows += rows
        if self.prefix:
            self.cache.copy_prefix(self.prefix_slot, first, len(rows), shared)
        rest = [row.prompt[shared:-1] for row in rows]
        if any(rest):
            self._run(first, rest, [shared] * len(rows), logits_to_keep=1)

    def forward(self, guesses: Sequence[list[int]]) -> torch.Tensor:
        """Logits after each row's last token and after each of its guesses: (rows, tokens, words)."""
        tokens = [[row.last, *guess] for row, guess in zip(self.rows, guesses, strict=True)]
        return self._run(0, tokens, [row.length for row in self.rows], logits_to_keep=0)

    def remove_finished(self) -> list[_Row]:
        """Take finished rows out; the last row moves into the gap."""
        finished = [row for row in self.rows if row.finish_reason is not None]
        for row in finished:
            gap, last = self.rows.index(row), self.rows.pop()
            if last is not row:
                self.cache.move(len(self.rows), gap, last.length)
                self.rows[gap] = last
        return finished

    def _run(
        self, first: int, tokens: Sequence[list[int]], starts: Sequence[int], logits_to_keep: int
    ) -> torch.Tensor:
        """Run tokens of consecutive slots, each line from its start on; short lines are padded.

        What padding writes lies behind the row's end: it is not looked at and overwritten later.
        """
        device = self.model.device
        longest = max(len(line) for line in tokens)
        padded = [[*line, *[0] * (longest - len(line))] for line in tokens]
        positions = torch.tensor(starts)[:, None] + torch.arange(longest)
        step = self.cache.begin(first, positions.to(device), max(starts) + longest)
        output = self.model(
            input_ids=torch.tensor(padded, device=device), position_ids=step.positions,
            past_key_values=self.cache, use_cache=True, logits_to_keep=logits_to_keep,
            slot_step=step,
        )  # fmt: skip
        return output.logits
