"""Steps 3 and 4a: train a LoRA adapter, and merge it into its base."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.runtime import deployment

from configs.lifecycle import LifecycleConfig, TrainingConfig
from configs.task import TaskConfig
from evals.adapter_effect import require_adapter_effect
from evals.report.tables import markdown_table
from finetune.checkpoints import last_whole_checkpoint, step_of
from finetune.merge import merge_adapter
from finetune.training_process import TrainingJob, train_job
from finetune.weights import weight_bytes
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.home import home, model_store
from flows.metric_buffer import MetricBuffer
from flows.step_cache import StepCache, StepOutcome
from flows.steps.champion import registry_may_come_back
from flows.steps.prepare import read_split, split_digest
from flows.steps.resolve import ResolvedBase
from flows.steps.step_state import progress_reporter, publish, step, step_state
from flows.training_launcher import launcher_for, train_in_child
from registry.training_runs import training_run

PROBED_ROWS = 4
"""Validation rows on which the adapter must show an effect."""


def _inputs(
    config: LifecycleConfig, task_config: TaskConfig, base: ResolvedBase, prepared: StepOutcome
) -> dict[str, Any]:
    return {
        "base": base.digest,
        "train": split_digest(prepared, "train"),
        "validation": split_digest(prepared, "validation"),
        "seed": config.seed,
        "task": task_config.model_dump(mode="json"),
        "lora": config.lora.model_dump(mode="json"),
        "code": code_version("finetune"),
    }


def is_trained(
    config: LifecycleConfig,
    task_config: TaskConfig,
    base: ResolvedBase,
    prepared: StepOutcome,
    cache: StepCache,
) -> bool:
    """Whether `fine_tune` would find its adapter and train nothing."""
    inputs = _inputs(config, task_config, base, prepared)
    return cache.reuse("fine-tune", inputs) is not None


@step(
    name="fine-tune",
    task_run_name="fine-tune LoRA rank {config.lora.rank}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def fine_tune(
    config: LifecycleConfig,
    task_config: TaskConfig,
    base: ResolvedBase,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Train an adapter on the prepared rows; a second attempt resumes from the last checkpoint.

    Two runs that would train the same do it one after the other, and the second finds the adapter.

    Raises:
        TrainingError: when the loss is not finite, a checkpoint cannot be written, or the training's
            process was killed.
        RegistryError: when MLflow stays away before or after the training.
    """
    inputs = _inputs(config, task_config, base, prepared)
    checkpoints = cache.scratch("fine-tune", inputs)

    def work(directory: Path) -> dict[str, Any]:
        job = TrainingJob(
            base_dir=base.directory,
            base_name=base.source,
            train=prepared.files / "train.jsonl",
            validation=prepared.files / "validation.jsonl",
            task=task_config,
            lora=config.lora,
            seed=config.seed,
            checkpoints_dir=checkpoints,
            out_dir=directory / "adapter",
            processes=config.training.processes,
        )
        with training_run(model_store(), config.name, config.lora.model_dump()) as mlflow_run:
            buffer = MetricBuffer(mlflow_run.log_metrics, get_run_logger().warning)
            result = _train(job, config.training, buffer)
            buffer.flush()
        return {**result, "mlflow_run_id": mlflow_run.run_id}

    with _only_one(checkpoints.name):
        slots = config.training.processes
        outcome = cache.run("fine-tune", inputs, on_gpu(work, slots))
        shutil.rmtree(checkpoints, ignore_errors=True)
    result = outcome.result
    losses = [
        [str(point["step"]), f"{point['loss']:.4f}"]
        for point in result["history"]
        if "loss" in point
    ]
    publish(
        "fine-tune",
        f"## LoRA adapter\n\nRank {config.lora.rank}, {result['trainable_parameters']:,} trainable "
        f"parameters, {result['steps']} steps in {result['seconds']:.1f} s.\n\n"
        f"Training loss {result['train_loss']:.4f}, validation loss "
        f"{result['validation_loss']:.4f} (completion tokens only, "
        f"{prepared.result['rows']['validation']} rows).\n\n"
        f"Adapter digest `{outcome.digest}`\n\n" + markdown_table(["step", "loss"], losses),
        "Adapter, losses and digest",
    )
    resumed = f", resumed from step {done}" if (done := result["resumed_from_step"]) else ""
    return step_state(outcome, f"validation loss {result['validation_loss']:.4f}{resumed}")


def _train(job: TrainingJob, training: TrainingConfig, buffer: MetricBuffer) -> dict[str, Any]:
    """Train where the configuration says, with progress on the run's page."""
    resumed_from = 0
    if checkpoint := last_whole_checkpoint(job.checkpoints_dir):
        get_run_logger().info("training goes on from %s", checkpoint.name)
        resumed_from = int(step_of(checkpoint))
    shown = progress_reporter("Fine-tuning", "steps")

    def on_metrics(metrics: dict[str, float], step_number: int) -> None:
        buffer.log(metrics, step_number)
        if "loss" in metrics:
            shown.note("training loss", f"{metrics['loss']:.4f}")
        # What was logged before a checkpoint says nothing about the speed of now.
        if "num_tokens" in metrics and step_number > resumed_from:
            shown.note_tokens(metrics["num_tokens"])

    def on_progress(done: int, total: int) -> None:
        shown.note("examples done", f"{done * job.lora.batch_size:,}")
        shown(done, total)

    if launcher_for(training, deployment.id is not None) == "in-process":
        return train_job(job, on_metrics, on_progress)
    return train_in_child(job, on_metrics, on_progress, get_run_logger().info)


@contextmanager
def _only_one(name: str) -> Iterator[None]:
    """Let one run at a time into the block; the lock goes with the process that holds it."""
    path = home() / "locks" / f"{name}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        get_run_logger().info("another run trains the same; waiting for it")
        lock.acquire(poll_interval=1)
    try:
        yield
    finally:
        lock.release()


@step(name="merge", task_run_name="merge adapter into base")
def merge(
    task_config: TaskConfig,
    base: ResolvedBase,
    adapter: StepOutcome,
    prepared: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Write the fine-tuned model as ordinary weights: base plus adapter.

    Raises:
        EvidenceError: when the adapter changes nothing that the model says.
        WeightsError: when the merged weights do not answer as base and adapter do.
    """
    rows = read_split(prepared, "validation", task_config)[:PROBED_ROWS]
    inputs = {
        "base": base.digest,
        "adapter": adapter.digest,
        "probed": [row.id for row in rows],
        "code": [code_version("finetune"), code_version("evals")],
    }

    def work(directory: Path) -> dict[str, Any]:
        files = adapter.files / "adapter"
        prompts = [task_config.messages(row.as_dict()) for row in rows]
        effect = require_adapter_effect(base.directory, files, prompts)
        merge_adapter(base.directory, files, directory)
        return dataclasses.asdict(effect)

    outcome = cache.run("merge", inputs, work)
    size = f"{weight_bytes(outcome.files) / 1e6:.2f} MB"
    effect = outcome.result
    publish(
        "merge",
        f"## Fine-tuned model\n\nBase `{base.source}` plus adapter `{adapter.digest}`, {size} of "
        f"safetensors.\n\nOn {effect['tokens']} tokens of {len(rows)} validation rows the adapter "
        f"moves a logit by up to {effect['largest_change']:.3g} of the largest and changes the "
        f"likeliest next token after {100 * effect['next_tokens_changed']:.0f}% of them; the merged "
        f"weights give the same logits.\n\nDigest `{outcome.digest}`",
        "Base plus adapter as ordinary weights",
    )
    return step_state(outcome, size)
