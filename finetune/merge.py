"""Fold an adapter into its base model: ordinary weights that any server loads.

Does: merge in float32, store in the base's own precision, and prove on the written files that they
say what base and adapter say. Does not: quantize.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.durable_files import durable_directory
from configs.errors import WeightsError
from finetune.write_failures import named_write_failures

PROBES = (
    'Extract as JSON. {"medications": [{"drug": "aspirin", "dose": "100 mg"}], "problems": []}',
    "She was admitted on Monday with fever and a productive cough, and denies chest pain.",
    "Which of the following is the most likely cause? A) infection B) drug reaction C) neither",
)
# As fractions of the largest logit. x(W + sBA) and xW + s(xA)B are summed in another order, which in
# float32 (roundings of 6e-8, sums of some thousand terms, tens of layers) stays far below 1e-4. The
# sum is rounded once to the stored precision; the errors of a layer's weights are independent and
# average out. Measured with bfloat16, in units of its machine epsilon: 0.7 for SmolLM2-135M
# fine-tuned on PHEE and 0.5 for the demo's model; ten times that is allowed.
ARITHMETIC = 1e-4
ROUNDINGS = 8
# A lost adapter has an error of 1 by this measure; rounding that eats half of it is a loss as well.
LARGEST_LOSS = 0.5
SMALLEST_AGREEMENT = 0.9


@dataclass(frozen=True)
class _Difference:
    """How far the written weights are from base and adapter, over the probes."""

    largest: float
    """Largest difference of a logit, as a fraction of the largest logit."""
    loss: float
    """Root mean square of the difference, as a fraction of that of the adapter's effect."""
    agreement: float
    """Share of clear-cut next tokens that are the same; 1 if none is clear-cut."""


def merge_adapter(
    base_dir: Path, adapter_dir: Path, out_dir: Path, probes: Sequence[str] = PROBES
) -> None:
    """Write base plus adapter as a safetensors checkpoint with its tokenizer.

    The sum is taken in float32 and rounded once, to the precision the base is stored in. The files
    are then read back and compared with base and adapter, one model in memory at a time.

    Args:
        probes: texts on which they are compared, at least one.
    Raises:
        WeightsError: when the disk is full or not writable, or the written weights say something
            else than base and adapter (the layers that differ most are named); `out_dir` is then
            as it was.
    """
    import torch
    from transformers import AutoConfig, AutoTokenizer

    stored = AutoConfig.from_pretrained(base_dir, local_files_only=True).dtype or torch.float32
    tokenizer = AutoTokenizer.from_pretrained(base_dir, local_files_only=True)
    model = _load_adapted(base_dir, adapter_dir)
    tokens = [tokenizer(text, return_tensors="pt")["input_ids"] for text in probes]
    wanted = _logits(model, tokens)
    with model.disable_adapter():
        of_base = _logits(model, tokens)
    merged = model.merge_and_unload()
    with (
        named_write_failures(f"merged model in {out_dir}", WeightsError, "Free space, run again."),
        durable_directory(out_dir) as directory,
    ):
        merged.to(stored).save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        del merged, model
        got = _logits(_load(directory), tokens)
        tolerance = ARITHMETIC + (
            0 if stored == torch.float32 else ROUNDINGS * torch.finfo(stored).eps
        )
        difference = _difference(of_base, wanted, got, tolerance)
        if (
            not difference.largest <= tolerance
            or not difference.loss <= LARGEST_LOSS
            or difference.agreement < SMALLEST_AGREEMENT
        ):
            raise WeightsError(
                f"merged model in {out_dir}",
                f"expected the logits of base + adapter within {tolerance:.1e} of the largest, a "
                f"loss of at most {LARGEST_LOSS:g} of the adapter's effect and the same next token "
                f"in {SMALLEST_AGREEMENT:.0%} of clear cases, got {difference.largest:.1e}, "
                f"{difference.loss:.2g} and {difference.agreement:.0%}; layers that differ most: "
                f"{_worst_layers(base_dir, adapter_dir, directory)}",
                "Check the adapter's target modules (tied embeddings cannot be merged into), or "
                "serve base and adapter unmerged.",
            )


def _load(directory: Path) -> Any:
    import torch
    from transformers import AutoModelForCausalLM

    model = AutoModelForCausalLM.from_pretrained(
        directory, dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    return model.eval()


def _load_adapted(base_dir: Path, adapter_dir: Path) -> Any:
    from peft import PeftModel

    with warnings.catch_warnings():
        # PEFT leaves out what it cannot place, and says so in a warning only.
        warnings.filterwarnings("error", message="Found missing adapter keys")
        try:
            return PeftModel.from_pretrained(_load(base_dir), adapter_dir).eval()
        except UserWarning as left_out:
            raise WeightsError(
                f"adapter {adapter_dir}",
                f"expected an adapter for every target layer of its base, got: {str(left_out)[:300]}",
                "Use the base model that the adapter was trained on.",
            ) from left_out


def _logits(model: Any, tokens: Sequence[Any]) -> Any:
    """Logits of every token of every probe in one table, (tokens, vocabulary)."""
    import torch

    with torch.inference_mode():
        return torch.cat([model(input_ids=ids).logits[0] for ids in tokens])


def _difference(of_base: Any, wanted: Any, got: Any, tolerance: float) -> _Difference:
    import torch

    scale = wanted.abs().max()
    effect = (wanted - of_base).pow(2).mean().sqrt()
    error = (wanted - got).pow(2).mean().sqrt()
    best, second = wanted.topk(2, dim=-1).values.unbind(-1)
    # Nearer than this, two tokens may change places within the tolerance.
    clear = best - second > 2 * tolerance * scale
    same = (wanted.argmax(-1) == got.argmax(-1))[clear]
    return _Difference(
        largest=float((wanted - got).abs().max() / scale),
        # An adapter without any effect cannot lose it.
        loss=float(error / effect) if effect > ARITHMETIC * scale else 0.0,
        agreement=float(same.to(torch.float32).mean()) if len(same) else 1.0,
    )


def _worst_layers(base_dir: Path, adapter_dir: Path, merged_dir: Path) -> str:
    """The layers whose written weights are furthest from W + sBA, as fractions of its largest."""
    from peft.tuners.lora import LoraLayer

    model = _load_adapted(base_dir, adapter_dir).requires_grad_(False)
    written = _load(merged_dir).requires_grad_(False).get_submodule
    errors = {}
    for name, layer in model.get_base_model().named_modules():
        if isinstance(layer, LoraLayer):
            wanted = layer.get_base_layer().weight + layer.get_delta_weight("default")
            difference = (wanted - written(name).weight).abs().max()
            errors[name] = float(difference / wanted.abs().max())
    worst = sorted(errors, key=lambda name: -errors[name])[:3]
    return ", ".join(f"{name} ({errors[name]:.1e})" for name in worst)
