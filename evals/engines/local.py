"""Answers from weights on this machine, through transformers.

Does: greedy decoding in batches of rows of similar length; a checkpoint (also a compressed-tensors
one), or a checkpoint with an adapter. Does not: run code from a repository, read anything but
safetensors, or follow the sampling settings that a checkpoint carries.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from configs.errors import EngineError
from evals.engines.checkpoint import load_checkpoint
from evals.engines.completion import Completion, Decoding, Progress, Request


class LocalEngine:
    """A checkpoint directory that answers; the model is loaded at the first call."""

    def __init__(
        self,
        model_dir: Path,
        name: str,
        batch_size: int,
        dtype: str,
        adapter_dir: Path | None = None,
    ) -> None:
        """Args:
        batch_size: rows answered at once.
        dtype: `float32` or `bfloat16`, the precision of the computation.
        adapter_dir: LoRA adapter to apply on top of `model_dir`.
        """
        self.model_dir, self.name, self.adapter_dir = model_dir, name, adapter_dir
        self.batch_size, self.dtype = batch_size, dtype
        self._loaded: tuple[Any, Any] | None = None

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; a row answers the same whichever rows share its batch."""
        import torch

        max_new_tokens = decoding.max_new_tokens
        if not requests:
            return []
        if self._loaded is None:
            self._loaded = load_checkpoint(self.model_dir, self.dtype, self.adapter_dir)
        model, tokenizer = self._loaded
        prompts = [
            tokenizer.apply_chat_template(r.messages, add_generation_prompt=True, tokenize=False)
            for r in requests
        ]
        encoded = tokenizer(prompts, add_special_tokens=False)["input_ids"]
        self._require_room(requests, encoded, max_new_tokens, model)
        # Longest first: a batch that does not fit in memory fails at once, not at the end.
        order = sorted(range(len(requests)), key=lambda index: -len(encoded[index]))
        completions: dict[int, Completion] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            inputs = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt")
            started = time.monotonic()
            with torch.inference_mode():
                output = model.generate(**inputs.to(model.device), max_new_tokens=max_new_tokens)
            for index, tokens in zip(batch, output[:, inputs["input_ids"].shape[1] :], strict=True):
                completion = _completion(
                    tokens.tolist(), model.generation_config.eos_token_id, tokenizer
                )
                completions[index] = replace(
                    completion, input_tokens=len(encoded[index]), latency_s=time.monotonic() - started
                )
            if on_progress is not None:
                on_progress(len(completions), len(requests))
        return [completions[index] for index in range(len(requests))]

    def _require_room(
        self,
        requests: Sequence[Request],
        encoded: Sequence[Sequence[int]],
        max_new_tokens: int,
        model: Any,
    ) -> None:
        limit = getattr(model.config, "max_position_embeddings", None)
        for request, tokens in zip(requests, encoded, strict=True):
            if limit is not None and len(tokens) + max_new_tokens > limit:
                raise EngineError(
                    f"{self.model_dir}: row {request.id}",
                    f"expected at most {limit} tokens of prompt and answer, got {len(tokens)} + "
                    f"{max_new_tokens}",
                    "Shorten the row, or lower max_new_tokens of the task.",
                )


def _completion(tokens: list[int], stops: Sequence[int], tokenizer: Any) -> Completion:
    length = next((position for position, token in enumerate(tokens) if token in stops), None)
    text = tokenizer.decode(tokens[:length], skip_special_tokens=True)
    if length is None:
        return Completion(text, "length", len(tokens))
    return Completion(text, "stop", length + 1)
