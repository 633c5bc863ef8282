"""A tiny Llama with a tokenizer of single bytes, a task it can learn in a second, and its rows."""

import pytest

from configs.lifecycle import LoraConfig
from configs.task import TaskConfig
from finetune.data import Row

SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
PROBLEMS = ["fever", "gout", "asthma", "angina"]


def byte_tokenizer(chat_template=CHAT_TEMPLATE):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: i for i, token in enumerate([*SPECIAL, *letters])}
    tokenizer = Tokenizer(models.BPE(vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|pad|>",
        additional_special_tokens=SPECIAL[2:],
    )  # fmt: skip
    fast.chat_template = chat_template
    return fast


@pytest.fixture(scope="session")
def save_base():
    """Write a random Llama of width 32 with two layers; `break_it` may change the model first."""

    def save(directory, chat_template=CHAT_TEMPLATE, break_it=lambda model: None):
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        tokenizer = byte_tokenizer(chat_template)
        torch.manual_seed(3)
        config = LlamaConfig(
            vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=256,
            bos_token_id=None, eos_token_id=1, pad_token_id=0, initializer_range=0.2,
        )  # fmt: skip
        model = LlamaForCausalLM(config)
        break_it(model)
        model.save_pretrained(directory)
        tokenizer.save_pretrained(directory)
        return directory

    return save


@pytest.fixture(scope="session")
def base_dir(save_base, tmp_path_factory):
    return save_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="session")
def task():
    items = {"type": "array", "items": {"type": "string", "minLength": 1}}
    return TaskConfig(
        name="problems", system_prompt="JSON.",
        output_schema={
            "type": "object", "additionalProperties": False,
            "required": ["problems"], "properties": {"problems": items},
        },
    )  # fmt: skip


@pytest.fixture(scope="session")
def rows():
    """Thirty-two rows that differ in length, as real notes do."""
    return [
        Row(f"r{i}", f"d{i}", "so " * (i % 5) + f"{i} has {problem}.", {"problems": [problem]})
        for i in range(32)
        for problem in [PROBLEMS[i % len(PROBLEMS)]]
    ]


@pytest.fixture(scope="session")
def lora():
    return LoraConfig(
        rank=4, alpha=16, learning_rate=0.02, epochs=2, batch_size=8, max_len_tokens=128,
        checkpoints=4,
    )  # fmt: skip


@pytest.fixture(scope="session")
def train(base_dir, task, rows, lora):
    """Train in `work/adapter`, with checkpoints in `work/checkpoints`, unless told otherwise."""
    from finetune.train import train_adapter

    def run(work, **changed):
        settings = {
            "base_dir": base_dir, "base_name": "pawl://tiny", "rows_train": rows[:24],
            "rows_validation": rows[24:], "task": task, "lora": lora, "seed": 17,
            "checkpoints_dir": work / "checkpoints", "out_dir": work / "adapter",
            "on_metrics": lambda metrics, step: None, "on_progress": lambda done, total: None,
        }  # fmt: skip
        return train_adapter(**settings | changed)

    return run


@pytest.fixture(scope="session")
def trained(train, tmp_path_factory):
    """One undisturbed training: its directory, result, metrics by step, and progress."""
    work = tmp_path_factory.mktemp("trained")
    metrics, progress = [], []
    result = train(
        work,
        on_metrics=lambda values, step: metrics.append((step, values)),
        on_progress=lambda done, total: progress.append((done, total)),
    )
    return work, result, metrics, progress
