"""Build the tiny Llama-architecture base model that Pawl ships for its offline demo.

Does: train a byte-level BPE tokenizer and a 1.4M-parameter model on the chats of instructions.py,
and save both as an ordinary transformers checkpoint (bfloat16 safetensors).
Does not: run as part of the demo, which loads the committed result.

    python -m finetune.synthetic.build_tiny_base configs/models/tiny-clinical --steps 6000
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from finetune.synthetic.instructions import write_conversation

SPECIAL_TOKENS = ("<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>")
CHAT_TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
NOTE_TOKEN_LOSS_WEIGHT = 0.1
MAX_LEN_TOKENS = 512


def train_tokenizer(seed: int, conversations: int = 20_000) -> PreTrainedTokenizerFast:
    """Train a byte-level BPE of 1,536 tokens on the pre-training chats."""
    rng = random.Random(f"tokenizer/{seed}")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=1536,
        special_tokens=list(SPECIAL_TOKENS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    texts = (m["content"] for _ in range(conversations) for m in write_conversation(rng))
    tokenizer.train_from_iterator(texts, trainer)
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=list(SPECIAL_TOKENS[2:]),
        model_max_length=MAX_LEN_TOKENS * 2,
        clean_up_tokenization_spaces=False,
    )
    fast.chat_template = CHAT_TEMPLATE
    return fast


def tiny_config(vocabulary_size: int) -> LlamaConfig:
    """The architecture: 6 layers of width 128, so AWQ's groups of 64 and FP8 both apply."""
    return LlamaConfig(
        vocab_size=vocabulary_size,
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=6,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=MAX_LEN_TOKENS * 2,
        tie_word_embeddings=True,
        pad_token_id=0,
        bos_token_id=None,
        eos_token_id=1,
    )


def encode_conversation(
    tokenizer: PreTrainedTokenizerFast, messages: list[dict[str, str]]
) -> tuple[list[int], list[float]]:
    """Token ids and per-token loss weights: answers count 1, everything else little."""
    ids: list[int] = []
    weights: list[float] = []
    for message in messages:
        role = tokenizer.convert_tokens_to_ids(f"<|{message['role']}|>")
        content = tokenizer.encode(message["content"], add_special_tokens=False)
        is_answer = message["role"] == "assistant"
        ids += [role, *content, tokenizer.eos_token_id]
        weight = 1.0 if is_answer else NOTE_TOKEN_LOSS_WEIGHT
        weights += [NOTE_TOKEN_LOSS_WEIGHT, *[weight] * (len(content) + 1)]
    return ids, weights


def _batches(
    tokenizer: PreTrainedTokenizerFast, rng: random.Random, batch_size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Endless padded batches; chats of similar length share a batch."""
    while True:
        pool = [
            encode_conversation(tokenizer, write_conversation(rng)) for _ in range(16 * batch_size)
        ]
        pool = sorted(
            (row for row in pool if len(row[0]) <= MAX_LEN_TOKENS), key=lambda r: len(r[0])
        )
        starts = list(range(0, len(pool), batch_size))
        rng.shuffle(starts)
        for start in starts:
            chunk = pool[start : start + batch_size]
            ids = torch.zeros(len(chunk), len(chunk[-1][0]), dtype=torch.long)
            weights = torch.zeros(ids.shape)
            for row, (tokens, token_weights) in enumerate(chunk):
                ids[row, : len(tokens)] = torch.tensor(tokens)
                weights[row, : len(tokens)] = torch.tensor(token_weights)
            yield ids, weights


def _optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "layers" in n]
    others = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "layers" in n)]
    return [
        torch.optim.Muon(matrices, lr=0.01, weight_decay=0.01, momentum=0.95),
        torch.optim.AdamW(others, lr=3e-3, weight_decay=0.0, betas=(0.9, 0.98)),
    ]


def train_model(
    tokenizer: PreTrainedTokenizerFast, steps: int, batch_size: int, seed: int
) -> LlamaForCausalLM:
    """Pre-train from scratch: Muon on the matrices, AdamW on the rest, linear decay."""
    torch.manual_seed(seed)
    rng = random.Random(f"pretraining/{seed}")
    model = LlamaForCausalLM(tiny_config(len(tokenizer)))
    optimizers = _optimizers(model)
    peaks = [group["lr"] for opt in optimizers for group in opt.param_groups]
    batches = _batches(tokenizer, rng, batch_size)
    started = time.monotonic()
    average = math.nan
    for step in range(steps):
        factor = min(1.0, (step + 1) / 100) * max(0.02, 1 - step / steps)
        for peak, group in zip(peaks, (g for o in optimizers for g in o.param_groups), strict=True):
            group["lr"] = peak * factor
        ids, weights = next(batches)
        with torch.autocast("cpu", torch.bfloat16):
            logits = model(input_ids=ids).logits[:, :-1]
        scored = weights[:, 1:] > 0
        weight = weights[:, 1:][scored]
        losses = torch.nn.functional.cross_entropy(
            logits[scored].float(), ids[:, 1:][scored], reduction="none"
        )
        loss = (losses * weight).sum() / weight.sum()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        answer_loss = float(losses[weight == 1.0].mean().detach())
        average = answer_loss if math.isnan(average) else 0.98 * average + 0.02 * answer_loss
        if step % 50 == 0 or step == steps - 1:
            seconds = time.monotonic() - started
            print(f"step {step:5d}  answer loss {average:.4f}  {seconds:6.0f} s", flush=True)
    return model.eval()


def main(arguments: list[str] | None = None) -> None:
    """Build tokenizer and model, and save them under the given directory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--seed", type=int, default=17)
    options: Any = parser.parse_args(arguments)
    tokenizer = train_tokenizer(options.seed)
    model = train_model(tokenizer, options.steps, options.batch_size, options.seed)
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.to(torch.bfloat16).save_pretrained(options.directory)
    tokenizer.save_pretrained(options.directory)


if __name__ == "__main__":
    main()
