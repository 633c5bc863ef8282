"""Teach a base model a task with LoRA, through TRL and PEFT.

Does: train on completions only, resume from the last whole checkpoint, stop when asked to or at a
loss that is not finite, leave one adapter or nothing; also as one of several processes. Does not:
merge it, start processes (finetune/training_process.py), or know MLflow (metrics go to a callback).
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from configs.durable_files import durable_directory
from configs.errors import DataError, TrainingError
from configs.lifecycle import LoraConfig
from configs.task import TaskConfig
from finetune.checkpoints import last_whole_checkpoint, logged_tokens, step_of
from finetune.data import Row
from finetune.trainer_callback import Metrics, Progress, reporting_callback, require_finite
from finetune.write_failures import named_write_failures


class TrainingStopped(TrainingError):
    """Training was asked to stop, and left a whole checkpoint to go on from."""


@dataclass(frozen=True)
class TrainingResult:
    """What a training did; losses are mean negative log-likelihoods per completion token, in nats."""

    steps: int
    train_loss: float
    validation_loss: float
    seconds: float
    trainable_parameters: int
    resumed_from_step: int
    history: tuple[dict[str, float], ...]

    def as_dict(self) -> dict[str, Any]:
        """JSON-able form."""
        return {**asdict(self), "history": list(self.history)}


def prompt_completion(row: Row, task: TaskConfig) -> dict[str, list[dict[str, str]]]:
    """One training example in TRL's conversational prompt-completion form."""
    answer = {"role": "assistant", "content": task.answer(row.target)}
    return {"prompt": task.messages(row.as_dict()), "completion": [answer]}


def train_adapter(
    *,
    base_dir: Path,
    base_name: str,
    rows_train: Sequence[Row],
    rows_validation: Sequence[Row],
    task: TaskConfig,
    lora: LoraConfig,
    seed: int,
    checkpoints_dir: Path,
    out_dir: Path,
    on_metrics: Metrics,
    on_progress: Progress,
    should_stop: Callable[[], bool] = lambda: False,
) -> TrainingResult:
    """Train a LoRA adapter on all linear layers and save it as safetensors in `out_dir`.

    Started by torchrun, every process calls this; they share the rows of each optimizer step, and
    the first of them writes and reports.

    Args:
        base_dir: checkpoint of the base model; its tokenizer must have a chat template.
        base_name: what the adapter records as its base; not a path of this machine.
        checkpoints_dir: unfinished work; a whole checkpoint found here is resumed from.
        on_metrics: called with metrics and the step at every logging step; a training that resumes
            begins with those that were logged before its checkpoint.
        on_progress: called with steps done and steps in all.
        should_stop: asked after every optimizer step, of every process.
    Raises:
        TrainingStopped: soon after `should_stop` said so; a checkpoint of that step was written.
        DataError: when rows are longer than `lora.max_len_tokens`; they are named.
        TrainingError: when the loss is not finite, the disk is full, or there is no chat template.
            `out_dir` does not exist then; whole checkpoints stay.
    """
    import torch
    import transformers
    from peft import LoraConfig as PeftConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import SFTConfig, SFTTrainer

    processes = int(os.environ.get("WORLD_SIZE", "1"))
    transformers.set_seed(seed)
    tokenizer = AutoTokenizer.from_pretrained(base_dir, local_files_only=True)
    _require_chat_template(tokenizer, base_name)
    _refuse_long_rows(tokenizer, [*rows_train, *rows_validation], task, lora.max_len_tokens)
    model = AutoModelForCausalLM.from_pretrained(
        base_dir, dtype=torch.float32, local_files_only=True, use_safetensors=True
    )
    steps = math.ceil(len(rows_train) / lora.batch_size) * lora.epochs
    total_steps = max(1, math.ceil(steps))
    logging_steps = max(1, total_steps // 30)
    # Whole logging intervals: a loss is judged before it is saved, and resuming loses no log.
    save_steps = logging_steps * math.ceil(total_steps / (lora.checkpoints * logging_steps))
    arguments = SFTConfig(
        output_dir=str(checkpoints_dir),
        max_steps=total_steps,
        per_device_train_batch_size=lora.batch_size // processes,
        per_device_eval_batch_size=lora.batch_size // processes,
        learning_rate=lora.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=round(total_steps * lora.warmup_fraction),
        max_grad_norm=1.0,
        completion_only_loss=True,
        packing=False,
        max_length=None,
        train_sampling_strategy="group_by_length",
        gradient_checkpointing=False,
        bf16=False,
        logging_steps=logging_steps,
        logging_nan_inf_filter=False,
        save_strategy="steps",
        save_steps=save_steps,
        save_total_limit=2,
        eval_strategy="no",
        report_to="none",
        disable_tqdm=True,
        seed=seed,
        data_seed=seed,
        dataloader_num_workers=0,
        use_cpu=not torch.accelerator.is_available(),
        ddp_find_unused_parameters=False if processes > 1 else None,
    )
    trainer = SFTTrainer(
        model=model,
        args=arguments,
        train_dataset=_dataset(rows_train, task),
        eval_dataset=_dataset(rows_validation, task),
        processing_class=tokenizer,
        peft_config=PeftConfig(
            r=lora.rank,
            lora_alpha=lora.alpha,
            lora_dropout=lora.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[reporting_callback(on_metrics, on_progress, should_stop)],
    )
    trainer.remove_callback(transformers.PrinterCallback)
    started = time.monotonic()
    resumed_from = last_whole_checkpoint(checkpoints_dir)
    if resumed_from is not None:
        # TRL 1.16 counts from 0 again, and the metric is the number of tokens so far.
        trainer._total_train_tokens = logged_tokens(resumed_from)
    with named_write_failures(
        f"checkpoint in {checkpoints_dir}",
        TrainingError,
        "Free space and run again: training resumes from the last whole checkpoint.",
    ):
        trainer.train(resume_from_checkpoint=str(resumed_from) if resumed_from else None)
        _require_all_steps(trainer.state.global_step, total_steps)
        validation_loss = float(trainer.evaluate()["eval_loss"])
        require_finite(validation_loss, "validation loss", total_steps)
        on_metrics({"validation_loss": validation_loss}, total_steps)
        adapter = trainer.model
        peft_config = adapter.peft_config["default"]
        peft_config.base_model_name_or_path = base_name
        # A set, whose order differs from process to process: the same adapter needs the same bytes.
        peft_config.target_modules = sorted(peft_config.target_modules)
        if trainer.is_world_process_zero():
            with durable_directory(out_dir) as directory:
                adapter.save_pretrained(directory, save_embedding_layers=False)
                (directory / "README.md").unlink(missing_ok=True)
    history = tuple(
        {key: float(value) for key, value in entry.items() if key in ("step", "loss")}
        for entry in trainer.state.log_history
        if "loss" in entry
    )
    return TrainingResult(
        steps=total_steps,
        train_loss=_mean_loss(history),
        validation_loss=validation_loss,
        seconds=time.monotonic() - started,
        trainable_parameters=sum(p.numel() for p in trainer.model.parameters() if p.requires_grad),
        resumed_from_step=int(step_of(resumed_from)) if resumed_from else 0,
        history=history,
    )


def _mean_loss(history: Sequence[dict[str, float]]) -> float:
    """Mean over the logged steps; the trainer's own mean leaves out the steps before a resume."""
    starts = [0.0, *(entry["step"] for entry in history)]
    weighted = (e["loss"] * (e["step"] - start) for e, start in zip(history, starts, strict=False))
    return sum(weighted) / starts[-1]


def _dataset(rows: Sequence[Row], task: TaskConfig) -> Any:
    import datasets

    datasets.disable_progress_bars()
    return datasets.Dataset.from_list([prompt_completion(row, task) for row in rows])


def _require_chat_template(tokenizer: Any, base_name: str) -> None:
    if tokenizer.chat_template is None:
        raise TrainingError(
            f"base_model {base_name}",
            "expected a tokenizer with a chat template, got none",
            "Use an instruction-tuned model, or add chat_template.jinja to the weights.",
        )


def _refuse_long_rows(
    tokenizer: Any, rows: Sequence[Row], task: TaskConfig, max_len_tokens: int
) -> None:
    conversations = [
        (e := prompt_completion(row, task))["prompt"] + e["completion"] for row in rows
    ]
    encoded = tokenizer.apply_chat_template(conversations, tokenize=True, return_dict=True)
    lengths = [len(ids) for ids in encoded["input_ids"]]
    too_long = [(row.id, n) for row, n in zip(rows, lengths, strict=True) if n > max_len_tokens]
    if too_long:
        shown = ", ".join(f"{row_id} ({length})" for row_id, length in too_long[:5])
        raise DataError(
            "lora.max_len_tokens",
            f"expected rows of at most {max_len_tokens} tokens, got {len(too_long)} longer: {shown}",
            f"Raise it to {max(length for _, length in too_long)}, or take these rows out.",
        )


def _require_all_steps(done: int, total: int) -> None:
    if done < total:
        raise TrainingStopped(
            f"step {done} of {total}",
            "expected to train to the end, but was asked to stop",
            "Run again: training resumes from the checkpoint of this step.",
        )
