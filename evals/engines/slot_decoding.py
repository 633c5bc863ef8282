"""Greedy decoding of many prompts with few rows in flight, faster than `model.generate`.

Does: hand a finished row's place to a waiting one; run the tokens that all prompts begin with only
once; guess the next tokens from earlier answers and check several in one pass. Does not: change
what is answered: every token is the one of highest logit after the tokens before it. Imported only
together with torch.

Continuous batching as in Orca (Yu et al., OSDI 2022).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from peft import PeftModel

from evals.engines.decoding_job import Constraint, DecodingJob, FinishReason, TokenAnswer
from evals.engines.drafts import Drafts, RowDraft
from evals.engines.slot_cache import ATTENTION, SlotCache, SlotStep

# Those for which tests/evals/engines/test_slot_decoding.py shows equality with generate().
ARCHITECTURES = ("gemma", "gemma3_text", "granite", "llama", "mistral", "olmo2", "phi3", "qwen2",
                 "qwen3", "smollm3")  # fmt: skip
SHORTEST_PREFIX = 8  # tokens; copying fewer saves nothing


class _Row:
    """A row in flight."""

    def __init__(self, index: int, prompt: list[int], constraint: Constraint | None) -> None:
        self.index, self.prompt, self.constraint = index, prompt, constraint
        self.draft = RowDraft(prompt)
        self.started = time.monotonic()
        self.tokens: list[int] = []
        self.new: list[int] = []
        self.finish_reason: FinishReason | None = None

    @property
    def stored(self) -> int:
        """Tokens whose keys and values are in the cache: all but the last."""
        return len(self.draft.tokens) - 1

    def extend(self, guesses: list[int], best: list[int], logits: Any, job: DecodingJob) -> None:
        """Take the next tokens: one, and one more for each guess in turn that was right."""
        known = len(self.tokens)
        for place, guess in enumerate([*guesses, None]):
            token = best[place]
            if self.constraint is not None:
                token = self.constraint.choose(logits[place], token)
            self.tokens.append(token)
            self.finish_reason = job.finish_reason(self.tokens, self.constraint)
            if self.finish_reason is not None or token != guess:
                break
        self.new = self.tokens[known:]


def can_decode_in_slots(model: Any) -> bool:
    """Whether `decode_in_slots` gives this model's answers.

    Not for architectures it was not tested with, attention that is soft-capped or looks ahead,
    rotary frequencies that depend on the longest row, or adapters other than LoRA.
    """
    if isinstance(model, PeftModel):
        adapters = model.peft_config.values()
        # An activated LoRA is switched on by the text, in PeftModel.forward.
        if any(a.peft_type != "LORA" or a.alora_invocation_tokens for a in adapters):
            return False
        model = model.get_base_model()
    config = model.config
    rope = getattr(config, "rope_parameters", None) or {}
    by_layer_type = [part for part in rope.values() if isinstance(part, dict)]
    rope_types = {part.get("rope_type") for part in [rope, *by_layer_type]}
    return (
        config.model_type in ARCHITECTURES
        and set(getattr(config, "layer_types", None) or ())
        <= {"full_attention", "sliding_attention"}
        and not rope_types & {"dynamic", "longrope"}
        and not getattr(config, "use_bidirectional_attention", None)
        and getattr(config, "attn_logit_softcapping", None) is None
    )


def decode_in_slots(model: Any, job: DecodingJob) -> list[TokenAnswer]:
    """Answer every prompt, in the order given; for models of which `can_decode_in_slots` holds."""
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    batch = _Batch(base, job)
    drafts = Drafts()
    waiting = deque(job.longest_first)
    answers: dict[int, TokenAnswer] = {}
    with torch.inference_mode(), _slot_attention(base):
        while waiting or batch.rows:
            free = job.rows_at_once - len(batch.rows)
            # A few at a time: their prompts then share one forward pass.
            if waiting and free >= max(1, job.rows_at_once // 4):
                batch.admit([waiting.popleft() for _ in range(min(free, len(waiting)))])
            guesses = drafts.guess([row.draft for row in batch.rows])
            logits = batch.forward(guesses)
            best = logits.argmax(dim=-1).tolist()
            at = 0
            for row, guess in zip(batch.rows, guesses, strict=True):
                row.extend(guess, best[at:], logits[at:], job)
                drafts.learn(row.draft, row.new)
                at += 1 + len(guess)
            finished = batch.remove_finished()
            for row, reason in finished:
                seconds = time.monotonic() - row.started
                answers[row.index] = TokenAnswer(row.tokens, reason, seconds)
            if finished:
                job.on_finished(len(answers))
    return [answers[index] for index in range(len(job.prompts))]


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

    def __init__(self, model: Any, job: DecodingJob) -> None:
        self.model, self.job, self.rows = model, job, list[_Row]()
        # The last slot holds the keys and values of the tokens that all prompts begin with.
        self.prefix_slot = min(job.rows_at_once, len(job.prompts))
        self.cache = SlotCache(self.prefix_slot + 1)
        self.prefix = _shared_prefix(job.prompts)

    def admit(self, indices: Sequence[int]) -> None:
        """Give slots to prompts and run them but for the last token of each."""
        make = self.job.new_constraint
        rows = [_Row(i, self.job.prompts[i], make() if make else None) for i in indices]
        shared = len(self.prefix)
        first = len(self.rows)
        self.rows += rows
        if self.prefix:
            if not self.cache.memory:
                self._run(self.prefix_slot, [self.prefix], [0], logits_to_keep=1)
            self.cache.copy_prefix(self.prefix_slot, first, len(rows), shared)
        rest = [row.prompt[shared:-1] for row in rows]
        if any(rest):
            self._run(first, rest, [shared] * len(rows), logits_to_keep=1)

    def forward(self, guesses: Sequence[list[int]]) -> torch.Tensor:
        """Logits after each row's last token and after each of its guesses, row after row."""
        tokens = [
            [row.draft.tokens[-1], *guess] for row, guess in zip(self.rows, guesses, strict=True)
        ]
        return self._run(0, tokens, [row.stored for row in self.rows], logits_to_keep=0)

    def remove_finished(self) -> list[tuple[_Row, FinishReason]]:
        """Take finished rows out; the last row moves into the gap."""
        finished = []
        for row in list(self.rows):
            if row.finish_reason is None:
                continue
            finished.append((row, row.finish_reason))
            gap, last = self.rows.index(row), self.rows.pop()
            if last is not row:
                self.cache.move(len(self.rows), gap, last.stored)
                self.rows[gap] = last
        return finished

    def _run(
        self, first: int, tokens: Sequence[list[int]], starts: Sequence[int], logits_to_keep: int
    ) -> torch.Tensor:
        """Run tokens of rows in consecutive slots, each row from its start on."""
        counts = [len(line) for line in tokens]
        step = SlotStep(first, starts, counts, self.model.device)
        self.cache.begin(step)
        packed = [token for line in tokens for token in line]
        output = self.model(
            input_ids=torch.tensor([packed], device=self.model.device),
            position_ids=step.positions[None], past_key_values=self.cache, use_cache=True,
            logits_to_keep=logits_to_keep, slot_step=step,
        )  # fmt: skip
        logits: torch.Tensor = output.logits[0]
        return logits


def _shared_prefix(prompts: Sequence[list[int]]) -> list[int]:
    """Tokens that all prompts begin with; the last of a prompt is left for its first pass."""
    first, last = min(prompts), max(prompts)
    pairs = zip(first, last, strict=False)
    common = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(first), len(last)))
    shared = min(common, min(len(prompt) for prompt in prompts) - 1)
    return first[:shared] if len(prompts) > 1 and shared >= SHORTEST_PREFIX else []
