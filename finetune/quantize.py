"""Quantize a checkpoint with llm-compressor into compressed-tensors form.

Does: FP8 with dynamic activations, AWQ 4-bit with a group size that fits the layers.
Does not: judge the result; that is the gate's work.
"""

from __future__ import annotations

import os
import tempfile
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configs.durable_files import durable_directory
from configs.errors import WeightsError
from configs.quantization import QuantizationConfig
from finetune.weights import weight_bytes
from finetune.write_failures import named_write_failures

IGNORED_LAYERS = ("lm_head",)


@dataclass(frozen=True)
class QuantizationResult:
    """What quantizing did; sizes are of the safetensors files, in bytes."""

    scheme: str
    group_size: int | None
    bytes_before: int
    bytes_after: int
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)


def fitting_group_size(wanted: int, widths: Iterable[int]) -> int:
    """`wanted` if it divides the input width of every layer, else the largest power of two that does.

    llm-compressor refuses a layer whose width the group size does not divide (SmolLM2: 576 by 128);
    servers' kernels are written for powers of two (vLLM's Marlin: 32, 64 and 128).

    Raises:
        WeightsError: when only groups of fewer than 8 would fit.
    """
    all_widths = sorted(set(widths))
    powers_of_two = (1 << exponent for exponent in range(wanted.bit_length() - 1, 2, -1))
    for size in (wanted, *powers_of_two):
        if all(width % size == 0 for width in all_widths):
            return size
    raise WeightsError(
        "quantizations.group_size",
        f"expected a size of 8 or more that divides {all_widths}, found none",
        "Use fp8-dynamic, which needs no groups.",
    )


def quantize(
    model_dir: Path,
    out_dir: Path,
    config: QuantizationConfig,
    calibration: Sequence[str],
    seed: int,
) -> QuantizationResult:
    """Write the quantized checkpoint of `model_dir`, with its tokenizer, to `out_dir`.

    Args:
        calibration: rendered texts; used by awq only, and needed there.
    Raises:
        WeightsError: when no group size fits, awq gets no calibration text, or the disk is full;
            `out_dir` is then as it was.
    """
    _keep_quiet()
    import torch
    import transformers
    from llmcompressor import oneshot
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if config.scheme == "awq" and not calibration:
        raise WeightsError(
            "quantizations.awq", "expected calibration rows, got none", "Give validation rows."
        )
    started = time.monotonic()
    transformers.set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
    model = AutoModelForCausalLM.from_pretrained(
        model_dir, dtype="auto", local_files_only=True, use_safetensors=True
    )
    group_size = None
    data: dict[str, Any] = {}
    if config.scheme == "awq":
        widths = [
            m.in_features
            for n, m in model.named_modules()
            if isinstance(m, torch.nn.Linear) and n not in IGNORED_LAYERS
        ]
        group_size = fitting_group_size(config.group_size, widths)
        data = _calibration_arguments(tokenizer, calibration, config)
    with tempfile.TemporaryDirectory() as scratch, chdir(scratch), _pinning_only_where_possible():
        oneshot(model=model, recipe=_recipe(config, group_size), **data)
    with (
        named_write_failures(
            f"{config.scheme} in {out_dir}", WeightsError, "Free space, run again."
        ),
        durable_directory(out_dir) as directory,
        warnings.catch_warnings(),
    ):
        # llm-compressor leaves its hooks on the modules, which transformers takes for offloading.
        warnings.filterwarnings("ignore", message="Attempting to save a model with offloaded")
        model.save_pretrained(directory, save_compressed=True)
        tokenizer.save_pretrained(directory)
    return QuantizationResult(
        scheme=config.scheme,
        group_size=group_size,
        bytes_before=weight_bytes(model_dir),
        bytes_after=weight_bytes(out_dir),
        seconds=time.monotonic() - started,
    )


def _recipe(config: QuantizationConfig, group_size: int | None) -> list[Any]:
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from llmcompressor.modifiers.quantization import QuantizationModifier

    ignored = list(IGNORED_LAYERS)
    if config.scheme == "fp8-dynamic":
        return [QuantizationModifier(targets="Linear", scheme="FP8_DYNAMIC", ignore=ignored)]
    from llmcompressor.modifiers.transform.awq import AWQModifier

    weights = QuantizationArgs(
        num_bits=4, type="int", strategy="group", group_size=group_size, symmetric=False
    )
    scheme = QuantizationScheme(targets=["Linear"], weights=weights)
    return [
        AWQModifier(n_grid=config.grid_points),
        QuantizationModifier(config_groups={"group_0": scheme}, ignore=ignored),
    ]


def _calibration_arguments(
    tokenizer: Any, calibration: Sequence[str], config: QuantizationConfig
) -> dict[str, Any]:
    import datasets

    datasets.disable_progress_bars()
    # Cut here, not by the tokenizer: it would remember the limit and be saved with it.
    limit = config.calibration_max_len_tokens
    encoded = [
        tokenizer(text, add_special_tokens=False)["input_ids"][:limit] for text in calibration
    ]
    rows = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in encoded]
    return {
        "dataset": datasets.Dataset.from_list(rows),
        "num_calibration_samples": len(rows),
        "max_seq_length": config.calibration_max_len_tokens,
    }


@contextmanager
def _pinning_only_where_possible() -> Iterator[None]:
    """Let AWQ run on a machine without an accelerator.

    llm-compressor 0.14.0.1 pins its cache in memory unconditionally, and pinning fails with
    "Cannot access accelerator device when none is available".
    """
    import torch
    from llmcompressor.pipelines.cache import IntermediatesCache

    if torch.accelerator.is_available():
        yield
        return
    original = IntermediatesCache.pin_memory
    IntermediatesCache.pin_memory = lambda self, *args, **kwargs: None
    try:
        yield
    finally:
        IntermediatesCache.pin_memory = original


def _keep_quiet() -> None:
    os.environ.setdefault("LLM_COMPRESSOR_LOG_DISABLED", "true")
    os.environ.setdefault("DISABLE_QUANTIZATION_LOG", "true")
