"""Answers from weights on this machine, through transformers.

Does: greedy decoding, free or within a JSON Schema; a checkpoint (also a compressed-tensors one),
or a checkpoint with an adapter. Does not: run code from a repository, read anything but safetensors,
or follow the sampling settings that a checkpoint carries.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from configs.errors import EngineError
from evals.engines.checkpoint import load_checkpoint
from evals.engines.completion import Completion, Decoding, Progress, Request
from evals.engines.decoding_job import DecodingJob, TokenAnswer
from evals.engines.identity import EngineIdentity, local_identity


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
        self._identity: EngineIdentity | None = None

    def answer(
        self,
        requests: Sequence[Request],
        decoding: Decoding,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`; in float32 a row answers the same whichever rows share its batch.

        Not quite so for fp8-dynamic weights, whose activations are rounded to 8 bits on the way,
        which turns the last digit of a sum into a step: of 255 answers of the demo's model, none
        differs between batches of 64 and 16, and one between 64 and 1.

        Models that slot_decoding.py was tested with (Llama, Qwen, Gemma, Mistral and more) are
        decoded there, all others by the slower `model.generate`.
        """
        if not requests:
            return []
        if self._loaded is None:
            self._loaded = load_checkpoint(self.model_dir, self.dtype, self.adapter_dir)
        model, tokenizer = self._loaded
        texts = [
            tokenizer.apply_chat_template(r.messages, add_generation_prompt=True, tokenize=False)
            for r in requests
        ]
        prompts = tokenizer(texts, add_special_tokens=False)["input_ids"]
        self._require_room(requests, prompts, decoding.max_new_tokens, model)
        job = DecodingJob(
            prompts=prompts,
            rows_at_once=self.batch_size,
            max_new_tokens=decoding.max_new_tokens,
            end_tokens=model.generation_config.eos_token_id,
            new_constraint=_constraint(decoding, model, tokenizer),
            ends_text=_stop_string_check(decoding.stop, tokenizer),
            on_finished=lambda done: on_progress(done, len(requests)) if on_progress else None,
        )
        return [
            _completion(answer, len(prompt), job, decoding, tokenizer)
            for answer, prompt in zip(_decode(model, job, tokenizer), prompts, strict=True)
        ]

    def in_batches_of(self, batch_size: int) -> LocalEngine:
        """The same engine, its weights loaded once, with so many rows answered at once."""
        other = copy.copy(self)
        other.batch_size = batch_size
        return other

    def identity(self, decoding: Decoding) -> EngineIdentity:
        """What an answer depends on besides its prompt; the weights are read once for it."""
        if self._identity is None:
            self._identity = local_identity(self.model_dir, self.adapter_dir, self.dtype, decoding)
        return self._identity.model_copy(update={"decoding": decoding})

    def _require_room(
        self,
        requests: Sequence[Request],
        prompts: Sequence[Sequence[int]],
        max_new_tokens: int,
        model: Any,
    ) -> None:
        limit = getattr(model.config, "max_position_embeddings", None)
        for request, tokens in zip(requests, prompts, strict=True):
            if limit is not None and len(tokens) + max_new_tokens > limit:
                raise EngineError(
                    f"{self.model_dir}: row {request.id}",
                    f"expected at most {limit} tokens of prompt and answer, got {len(tokens)} + "
                    f"{max_new_tokens}",
                    "Shorten the row, or lower max_new_tokens of the task.",
                )


def _decode(model: Any, job: DecodingJob, tokenizer: Any) -> list[TokenAnswer]:
    from evals.engines.generate_decoding import decode_with_generate
    from evals.engines.slot_decoding import can_decode_in_slots, decode_in_slots

    if can_decode_in_slots(model):
        return decode_in_slots(model, job)
    return decode_with_generate(model, job, tokenizer.pad_token_id)


def _constraint(decoding: Decoding, model: Any, tokenizer: Any) -> Callable[[], Any] | None:
    if decoding.json_schema is None:
        return None
    from evals.engines.json_grammar import JsonGrammar

    return JsonGrammar(
        decoding.json_schema,
        tokenizer,
        model.generation_config.eos_token_id,
        model.get_output_embeddings().weight.shape[0],
    ).start


def _stop_string_check(stop: Sequence[str], tokenizer: Any) -> Callable[[list[int]], bool]:
    if not stop:
        return lambda tokens: False
    # A token is at least a byte; the first few of a cut may decode differently than in context.
    tail = max(len(string.encode()) for string in stop) + 4

    def ends(tokens: list[int]) -> bool:
        text = tokenizer.decode(tokens[-tail:], skip_special_tokens=True)
        return any(string in text for string in stop)

    return ends


def _completion(
    answer: TokenAnswer, input_tokens: int, job: DecodingJob, decoding: Decoding, tokenizer: Any
) -> Completion:
    tokens = answer.tokens[:-1] if answer.tokens[-1] in job.end_tokens else answer.tokens
    text = tokenizer.decode(tokens, skip_special_tokens=True)
    for string in decoding.stop:
        text = text.partition(string)[0]
    return Completion(text, answer.finish_reason, len(answer.tokens), input_tokens, answer.seconds)
