"""Greedy decoding through `model.generate`, for models that slot_decoding.py was not tested with.

Does: the same job with the same answers, a batch at a time. Does not: refill a batch. Imported only
together with torch.
"""

from __future__ import annotations

import time
from typing import Any

import torch
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
)

from evals.engines.decoding_job import Constraint, DecodingJob, FinishReason, TokenAnswer


def decode_with_generate(model: Any, job: DecodingJob, pad_token: int) -> list[TokenAnswer]:
    """Answer every prompt, in the order given; prompts are padded on the left."""
    answers: dict[int, TokenAnswer] = {}
    order = job.longest_first
    for start in range(0, len(order), job.rows_at_once):
        batch = order[start : start + job.rows_at_once]
        prompts = [job.prompts[index] for index in batch]
        answers |= zip(batch, _decode_batch(model, job, prompts, pad_token), strict=True)
        job.on_finished(len(answers))
    return [answers[index] for index in range(len(job.prompts))]


def _decode_batch(
    model: Any, job: DecodingJob, prompts: list[list[int]], pad_token: int
) -> list[TokenAnswer]:
    started = time.monotonic()
    longest = max(len(prompt) for prompt in prompts)
    padding = [longest - len(prompt) for prompt in prompts]
    rows = [[*[pad_token] * n, *prompt] for n, prompt in zip(padding, prompts, strict=True)]
    seen = [[0] * n + [1] * (longest - n) for n in padding]
    make = job.new_constraint
    control = _Control(job, longest, [make() if make else None for _ in prompts])
    with torch.inference_mode():
        output = model.generate(
            input_ids=torch.tensor(rows, device=model.device),
            attention_mask=torch.tensor(seen, device=model.device),
            max_new_tokens=job.max_new_tokens,
            stopping_criteria=StoppingCriteriaList([control]),
            logits_processor=LogitsProcessorList([_Constrained(control)] if make else []),
        )
    seconds = time.monotonic() - started
    return [
        TokenAnswer(tokens[: control.lengths[row]], control.reasons[row], seconds)
        for row, tokens in enumerate(output[:, longest:].tolist())
    ]


class _Control(StoppingCriteria):
    """Ends each row where the job says so, and remembers where and why."""

    def __init__(
        self, job: DecodingJob, prompt_length: int, constraints: list[Constraint | None]
    ) -> None:
        self.job, self.prompt_length, self.constraints = job, prompt_length, constraints
        self.lengths: dict[int, int] = {}
        self.reasons: dict[int, FinishReason] = {}

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> torch.Tensor:
        for row, tokens in enumerate(input_ids[:, self.prompt_length :].tolist()):
            if row in self.reasons:
                continue
            reason = self.job.finish_reason(tokens, self.constraints[row])
            if reason is not None:
                self.lengths[row], self.reasons[row] = len(tokens), reason
        done = [row in self.reasons for row in range(len(input_ids))]
        return torch.tensor(done, device=input_ids.device)


class _Constrained(LogitsProcessor):
    """Leaves each row the one token that its constraint chooses."""

    def __init__(self, control: _Control) -> None:
        self.control = control

    def __call__(self, input_ids: Any, scores: Any) -> torch.Tensor:
        best = scores.argmax(dim=-1).tolist()
        chosen = torch.full_like(scores, float("-inf"))
        for row, constraint in enumerate(self.control.constraints):
            token = best[row]
            if constraint is not None and row not in self.control.reasons:
                token = constraint.choose(scores[row], token)
            chosen[row, token] = 0
        return chosen
