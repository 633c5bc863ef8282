"""Models as lm_eval asks them: weights on this machine, or an OpenAI-compatible endpoint.

Does: wrap the model in lm_eval's own classes, so that log-likelihoods and generation are lm_eval's.
Does not: use lm_eval's cache of answers, whose keys leave out which model gave them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from configs.errors import EngineError
from evals.engines.checkpoint import load_checkpoint
from evals.harness.quiet import quiet_lm_eval


@dataclass(frozen=True)
class HarnessModel:
    """A model that can be asked harness tasks, one after the other."""

    name: str
    """What the evaluation calls its engine."""
    lm: Any
    """`lm_eval.api.model.LM`."""
    gives_likelihoods: bool = True
    """Whether it can score given answers, as multiple-choice tasks need."""
    is_chat_only: bool = False
    """Whether it takes nothing but chats."""


def local_harness_model(
    model_dir: Path,
    *,
    name: str,
    dtype: str,
    batch_size: int = 1,
    adapter_dir: Path | None = None,
) -> HarnessModel:
    """Load a checkpoint, as `lm_eval --model hf` would.

    Args:
        dtype: `float32` or `bfloat16`, the precision of the computation.
        batch_size: requests computed at once; lm_eval's own default is 1.
        adapter_dir: LoRA adapter to apply on top of `model_dir`.
    Raises:
        EngineError: when the weights or the adapter cannot be loaded.
    """
    from transformers import GenerationConfig

    with quiet_lm_eval():
        from lm_eval.models.huggingface import HFLM

        model, tokenizer = load_checkpoint(model_dir, dtype, adapter_dir)
    # lm_eval keeps the checkpoint's own settings of generation; other ones score differently.
    if (model_dir / "generation_config.json").is_file():
        model.generation_config = GenerationConfig.from_pretrained(model_dir)
    else:
        model.generation_config = GenerationConfig.from_model_config(model.config)
    with quiet_lm_eval():
        lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=batch_size)
    return HarnessModel(name, lm)


def endpoint_harness_model(
    *,
    base_url: str,
    model: str,
    api_key: str | None,
    chat: bool,
    tokenizer: str | None = None,
    context_tokens: int = 2048,
    max_concurrency: int = 1,
    timeout_s: float = 60,
    max_attempts: int = 4,
) -> HarnessModel:
    """An endpoint, as `lm_eval --model local-chat-completions` or `local-completions` asks it.

    Args:
        base_url: address up to and including `/v1`.
        api_key: None sends none, also where OPENAI_API_KEY is set.
        chat: use `/chat/completions`, which can generate but not score given answers; otherwise
            `/completions`, which scores given answers if it echoes prompts with log-probabilities.
        tokenizer: directory or hub name of the model's tokenizer, needed to score given answers.
        context_tokens: longest prompt with answer, in tokens; lm_eval cuts longer prompts on the
            left where it has a tokenizer.
        max_concurrency: requests in flight at once.
        timeout_s: longest wait for one answer, in seconds.
    Raises:
        EngineError: when the tokenizer cannot be loaded.
    """
    with quiet_lm_eval():
        from lm_eval.models.openai_completions import LocalChatCompletion, LocalCompletionsAPI

    # Without a header of ours lm_eval would hand OPENAI_API_KEY to whatever endpoint this is.
    key = {"Authorization": f"Bearer {api_key}"} if api_key else {}
    shared = {
        "model": model,
        "max_length": context_tokens,
        "header": {"Content-Type": "application/json", **key},
        "num_concurrent": max_concurrency,
        "max_retries": max_attempts,
        "timeout": max(1, round(timeout_s)),
    }
    address = base_url.rstrip("/")
    try:
        with quiet_lm_eval():
            if chat:
                lm = _strict(LocalChatCompletion)(base_url=f"{address}/chat/completions", **shared)
            else:
                lm = _strict(LocalCompletionsAPI)(
                    base_url=f"{address}/completions",
                    tokenizer=tokenizer,
                    tokenizer_backend="huggingface" if tokenizer else None,
                    **shared,
                )
    except (OSError, ValueError) as error:
        raise EngineError(
            f"tokenizer {tokenizer}", f"expected a tokenizer, got: {error}",
            "Correct its directory or name.",
        ) from error  # fmt: skip
    likelihoods = not chat and tokenizer is not None
    return HarnessModel(model, lm, gives_likelihoods=likelihoods, is_chat_only=chat)


def _strict(api: Any) -> Any:
    """The same class, but an answer without content fails, where lm_eval would score it as ""."""

    class Strict(api):
        def parse_generations(self, outputs: Any, **kwargs: Any) -> list[str]:
            for output in outputs if isinstance(outputs, list) else [outputs]:
                choices = output.get("choices") if isinstance(output, dict) else None
                if not choices or any(_content(choice) is None for choice in choices):
                    raise ValueError(f"no content in the answer {str(output)[:200]}")
            return list(super().parse_generations(outputs=outputs, **kwargs))

    return Strict


def _content(choice: Any) -> str | None:
    content = choice["text"] if "text" in choice else choice["message"]["content"]
    return content if isinstance(content, str) else None
