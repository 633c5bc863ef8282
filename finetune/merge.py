"""Fold an adapter into its base model: ordinary weights that any server loads.

Does: merge in float32 and store in the base's own precision. Does not: quantize.
"""

from __future__ import annotations

from pathlib import Path

from configs.durable_files import durable_directory
from configs.errors import WeightsError
from finetune.write_failures import named_write_failures


def merge_adapter(base_dir: Path, adapter_dir: Path, out_dir: Path) -> None:
    """Write base plus adapter as a safetensors checkpoint with its tokenizer.

    The sum is taken in float32 and rounded once, to the precision the base is stored in.

    Raises:
        WeightsError: when the disk is full or not writable; `out_dir` is then as it was.
    """
    import torch
    from peft import PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    stored = AutoConfig.from_pretrained(base_dir, local_files_only=True).dtype or torch.float32
    base = AutoModelForCausalLM.from_pretrained(
        base_dir, dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    merged = PeftModel.from_pretrained(base, adapter_dir).merge_and_unload()
    with (
        named_write_failures(f"merged model in {out_dir}", WeightsError, "Free space, run again."),
        durable_directory(out_dir) as directory,
    ):
        merged.to(stored).save_pretrained(directory)
        AutoTokenizer.from_pretrained(base_dir, local_files_only=True).save_pretrained(directory)
