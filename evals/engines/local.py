"""Answers from weights on this machine, through transformers.

Does: greedy decoding in batches of rows of similar length; full, adapter-free checkpoints, also
compressed-tensors ones. Does not: run code from a repository, or read anything but safetensors.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.errors import EngineError
from evals.engines.completion import Completion, Progress, Request


class LocalEngine:
    """A checkpoint directory that answers; the model is loaded at the first call."""

    def __init__(self, model_dir: Path, name: str, batch_size: int, dtype: str) -> None:
        self.model_dir, self.name = model_dir, name
        self.batch_size, self.dtype = batch_size, dtype

    def answer(
        self,
        requests: Sequence[Request],
        max_new_tokens: int,
        on_progress: Progress | None = None,
    ) -> list[Completion]:
        """See `Engine.answer`."""
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        try:
            tokenizer = AutoTokenizer.from_pretrained(self.model_dir, local_files_only=True)
            model = AutoModelForCausalLM.from_pretrained(
                self.model_dir, dtype=getattr(torch, self.dtype), local_files_only=True,
                use_safetensors=True,
            ).eval()  # fmt: skip
        except (OSError, ValueError) as error:
            raise EngineError(str(self.model_dir), f"expected loadable weights, got: {error}",
                              "Check the checkpoint.") from error  # fmt: skip
        if tokenizer.chat_template is None:
            raise EngineError(str(self.model_dir), "expected a chat template, got none",
                              "Add chat_template.jinja to the weights.")  # fmt: skip
        if torch.accelerator.is_available():
            model = model.to(torch.accelerator.current_accelerator())
        tokenizer.padding_side = "left"
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        prompts = [
            tokenizer.apply_chat_template(r.messages, add_generation_prompt=True, tokenize=False)
            for r in requests
        ]
        encoded = tokenizer(prompts, add_special_tokens=False)["input_ids"]
        # Longest first: a batch that does not fit in memory fails at once, not at the end.
        order = sorted(range(len(requests)), key=lambda index: -len(encoded[index]))
        completions: dict[int, Completion] = {}
        for start in range(0, len(order), self.batch_size):
            batch = order[start : start + self.batch_size]
            inputs = tokenizer.pad({"input_ids": [encoded[i] for i in batch]}, return_tensors="pt")
            with torch.inference_mode():
                output = model.generate(
                    **inputs.to(model.device), max_new_tokens=max_new_tokens, do_sample=False,
                    temperature=None, top_p=None, top_k=None,
                    pad_token_id=tokenizer.pad_token_id,
                )  # fmt: skip
            stops = _stop_tokens(model.generation_config.eos_token_id, tokenizer.eos_token_id)
            for index, tokens in zip(batch, output[:, inputs["input_ids"].shape[1] :], strict=True):
                completions[index] = _completion(tokens.tolist(), stops, tokenizer)
            if on_progress is not None:
                on_progress(len(completions), len(requests))
        return [completions[index] for index in range(len(requests))]


def _stop_tokens(configured: int | list[int] | None, fallback: int) -> set[int]:
    if configured is None:
        return {fallback}
    return {configured} if isinstance(configured, int) else set(configured)


def _completion(tokens: list[int], stops: set[int], tokenizer) -> Completion:  # type: ignore[no-untyped-def]
    length = next((position for position, token in enumerate(tokens) if token in stops), None)
    text = tokenizer.decode(tokens[:length], skip_special_tokens=True)
    if length is None:
        return Completion(text, "length", len(tokens))
    return Completion(text, "stop", length + 1)
