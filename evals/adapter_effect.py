"""Proof that an adapter changes what its base model says.

Does: find an adapter that was never trained, or that the loader left out wholly or in part. Does not: judge whether the change is for the better; that is the gate's
work. Loaders drop what they cannot place with a warning at most, and the scores are then the base's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import EvidenceError
from evals.engines.checkpoint import load_checkpoint
from evals.engines.completion import Message

# Of the largest logit, in float32: a model run twice differs by nothing, and with another order of
# summation by some 1e-6; what an adapter changes must stand clear of that. Trained adapters of this
# project change logits by 0.3 to 0.8 of the largest.
NOISE = 1e-5


@dataclass(frozen=True)
class AdapterEffect:
    """How far an adapter moves the logits that follow some prompts."""

    largest_change: float
    """Largest change of a logit, as a fraction of the largest logit of the base."""
    next_tokens_changed: float
    """Share of the prompts' tokens after which another token is likeliest."""
    tokens: int
    """Tokens looked at."""


def require_adapter_effect(
    base_dir: Path,
    adapter_dir: Path,
    prompts: Sequence[Sequence[Message]],
) -> AdapterEffect:
    """Measure the adapter's effect in float32, with the loader that `LocalEngine` uses.

    Args:
        prompts: chats that need an answer; some of those to be evaluated are best.
    Raises:
        EvidenceError: when there are no prompts, all LoRA B matrices are zero, a tensor of the
            adapter is not in the loaded model, or no logit changes by more than rounding could do.
        EngineError: when base or adapter cannot be loaded.
    """
    import torch

    where = f"adapter {adapter_dir}"
    if not prompts:
        raise EvidenceError(where, "expected prompts, got none", "Give some test rows.")
    model, tokenizer = load_checkpoint(base_dir, "float32", adapter_dir)
    _require_loaded_and_trained(model, adapter_dir, where)
    change, largest, changed, tokens = 0.0, 0.0, 0, 0
    for messages in prompts:
        inputs = tokenizer.apply_chat_template(
            list(messages), add_generation_prompt=True, return_tensors="pt", return_dict=True
        ).to(model.device)
        with torch.inference_mode():
            adapted = model(**inputs).logits.float()
            with model.disable_adapter():
                base = model(**inputs).logits.float()
        change = max(change, float((adapted - base).abs().max()))
        largest = max(largest, float(base.abs().max()))
        changed += int((adapted.argmax(-1) != base.argmax(-1)).sum())
        tokens += base.shape[0] * base.shape[1]
    effect = AdapterEffect(change / largest, changed / tokens, tokens)
    if not effect.largest_change > NOISE:
        raise EvidenceError(
            where,
            f"expected an adapter that moves some logit by more than {NOISE:.0e} of the largest, "
            f"got {effect.largest_change:.1e} on {tokens} tokens",
            "Check that it belongs to this base, and train it longer.",
        )
    return effect


def _require_loaded_and_trained(model: Any, adapter_dir: Path, where: str) -> None:
    import torch
    from safetensors import safe_open

    loaded = model.state_dict()
    missing, trained, second_factors = [], False, 0
    with safe_open(adapter_dir / "adapter_model.safetensors", "pt") as file:
        for name in file.keys():  # noqa: SIM118 - not a dict
            if not name.endswith((".lora_A.weight", ".lora_B.weight")):
                continue
            tensor = file.get_tensor(name)
            if ".lora_B" in name:
                second_factors += 1
                trained = trained or bool(tensor.any())
            # Loaded modules carry the adapter's name: lora_A.default.weight.
            there = loaded.get(f"{name.removesuffix('.weight')}.default.weight")
            if there is None or not torch.equal(there.cpu(), tensor.to(there.dtype)):
                missing.append(name)
    if missing:
        raise EvidenceError(
            where,
            f"expected all of its tensors in the loaded model, got none of {len(missing)}, first "
            f"{sorted(missing)[0]}",
            "Use the base model that the adapter was trained on.",
        )
    if not trained:
        raise EvidenceError(
            where,
            f"expected LoRA B matrices that training has moved, got {second_factors} of zeros",
            "Train the adapter; as it is, it is the base model.",
        )
