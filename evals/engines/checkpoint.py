"""A checkpoint directory as a model and a tokenizer that are ready to answer.

Does: checkpoints in safetensors (also compressed-tensors ones), with or without a LoRA adapter.
Does not: run code from a repository, or keep the sampling settings that a checkpoint carries.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Any

from configs.errors import EngineError

# transformers fills its module while it is imported, and sets torch's default precision while it loads:
# two threads that do so at once break each other.
_LOADING = Lock()


def load_checkpoint(
    model_dir: Path, dtype: str, adapter_dir: Path | None = None
) -> tuple[Any, Any]:
    """Model and tokenizer: in evaluation mode, on the accelerator if there is one, padding left.

    Threads take turns.

    `model.generation_config` is plain greedy decoding; of the checkpoint's own settings only the
    stop tokens are kept.

    Args:
        dtype: `float32` or `bfloat16`, the precision of the computation.
        adapter_dir: LoRA adapter to apply on top of `model_dir`.
    Raises:
        EngineError: when the weights or the adapter cannot be loaded, or there is no chat template.
    """
    with _LOADING:
        return _load(model_dir, dtype, adapter_dir)


def _load(model_dir: Path, dtype: str, adapter_dir: Path | None) -> tuple[Any, Any]:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    try:
        tokenizer = AutoTokenizer.from_pretrained(
            model_dir, local_files_only=True, trust_remote_code=False
        )
        model = AutoModelForCausalLM.from_pretrained(
            model_dir, dtype=getattr(torch, dtype), local_files_only=True,
            use_safetensors=True, trust_remote_code=False,
        )  # fmt: skip
        if adapter_dir is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(
                model, adapter_dir, local_files_only=True, use_safetensors=True
            )
    except (OSError, ValueError) as error:
        raise EngineError(
            str(model_dir), f"expected loadable weights, got: {error}", "Check the checkpoint."
        ) from error
    if tokenizer.chat_template is None:
        raise EngineError(
            str(model_dir), "expected a chat template, got none",
            "Add chat_template.jinja to the weights.",
        )  # fmt: skip
    if torch.accelerator.is_available():
        model = model.to(torch.accelerator.current_accelerator())
    # Left, so that every prompt ends where its answer begins.
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    # Replaced, not passed to generate(): that would fill gaps from the checkpoint's settings.
    model.generation_config = _greedy(model, tokenizer)
    return model.eval(), tokenizer


def _greedy(model: Any, tokenizer: Any) -> Any:
    from transformers import GenerationConfig

    configured = model.generation_config.eos_token_id
    stops = tokenizer.eos_token_id if configured is None else configured
    return GenerationConfig(
        do_sample=False,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=[stops] if isinstance(stops, int) else list(stops),
    )
