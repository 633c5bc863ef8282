"""Texts that quantization is calibrated on: what the model will really read and write."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from configs.task import TaskConfig
from finetune.data import Row
from finetune.train import prompt_completion


def calibration_texts(model_dir: Path, rows: Sequence[Row], task: TaskConfig) -> list[str]:
    """Prompt and right answer of each row, rendered by the model's own chat template."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model_dir, local_files_only=True)
    examples = [prompt_completion(row, task) for row in rows]
    return [
        tokenizer.apply_chat_template(e["prompt"] + e["completion"], tokenize=False)
        for e in examples
    ]
