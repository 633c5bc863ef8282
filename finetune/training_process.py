"""Fine-tuning in a process of its own, or in several that torchrun starts: `python -m` this module.

Does: read a job from a file, train, report as JSON lines on a named pipe; on SIGTERM, or when the
process that started it is gone, save a checkpoint, stop, and be dead after a period of grace.
Does not: decide where training runs, or restart it (flows/training_launcher.py).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from configs.errors import PawlError
from configs.lifecycle import LoraConfig
from configs.strict_model import StrictModel
from configs.task import TaskConfig

GRACE_S = 15.0
"""From the wish to stop to the end by force: one optimizer step and one checkpoint must fit in.
Prefect kills a run 30 s after it began to cancel it."""
PARENT_CHECK_S = 0.5
PARENT = "PAWL_TRAINING_PARENT"
"""Environment variable that tells one of several processes who started it."""


class TrainingJob(StrictModel):
    """Everything one training needs; files by path."""

    base_dir: Path
    """Checkpoint of the base model."""
    base_name: str
    """What the adapter records as its base."""
    train: Path
    """Prepared rows to train on, JSONL."""
    validation: Path
    """Prepared rows for the validation loss, JSONL."""
    task: TaskConfig
    """What is learned."""
    lora: LoraConfig
    """Settings of the fine-tuning."""
    seed: int
    """Seed of order and initialisation."""
    checkpoints_dir: Path
    """Unfinished work."""
    out_dir: Path
    """Where the adapter goes."""
    processes: int = 1
    """Processes that train together."""
    pipe: Path = Path()
    """Named pipe for what a process of its own reports."""
    parent: int = 0
    """Process that wants the result; without it nobody does."""


class _Stop:
    """Whether to stop; before the first step there is nothing to save, so that ends at once."""

    def __init__(self) -> None:
        self._wanted = False
        self._asked = False

    def __call__(self) -> bool:
        self._asked = True
        return self._wanted

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        self._wanted = True
        if not self._asked:
            os._exit(128 + number)


def command(job_file: Path) -> list[str]:
    """Command line that trains the job in a file."""
    return [sys.executable, "-m", __spec__.name, str(job_file)]


def end_without(parent: int, grace_s: float = GRACE_S) -> None:
    """Watch a process from a thread; when it is no longer the parent, SIGTERM and then SIGKILL us.

    A signal of the kernel for that (PR_SET_PDEATHSIG) would come once, without the second, and on
    Linux only.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(grace_s)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: Sequence[str]) -> int:
    """Train the job in the file that is the one argument; returns the exit status."""
    [job_file] = arguments
    job = TrainingJob.model_validate_json(Path(job_file).read_bytes())
    started_by = os.environ.get(PARENT)
    end_without(int(started_by or job.parent))
    if job.processes > 1 and started_by is None:
        return _start_processes(job, job_file)
    stop = _Stop()
    signal.signal(signal.SIGTERM, stop.on_signal)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if int(os.environ.get("RANK", "0")) > 0:
        train_job(job, lambda metrics, step: None, lambda done, total: None, stop)
        return 0
    with suppress(BrokenPipeError), job.pipe.open("w", buffering=1) as pipe:

        def report(**message: Any) -> None:
            # Whoever read it may be gone: then there is still a checkpoint to save.
            with suppress(BrokenPipeError):
                pipe.write(json.dumps(message) + "\n")

        try:
            result = train_job(
                job,
                lambda metrics, step: report(kind="metrics", metrics=metrics, step=step),
                lambda done, total: report(kind="progress", done=done, total=total),
                stop,
            )
            report(kind="result", result=result)
        except PawlError as error:
            where, problem, action = error.where, error.problem, error.action
            report(
                kind="error", error=type(error).__name__, where=where, problem=problem, action=action
            )  # fmt: skip
            return 1
        return 0
    return 1


def train_job(
    job: TrainingJob,
    on_metrics: Callable[[dict[str, float], int], None],
    on_progress: Callable[[int, int], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, Any]:
    """Train in this process; the rest and the errors as of `finetune.train.train_adapter`.

    Returns:
        The result in its JSON-able form.
    """
    from finetune.data import read_rows
    from finetune.train import train_adapter

    return train_adapter(
        base_dir=job.base_dir,
        base_name=job.base_name,
        rows_train=read_rows(job.train, job.task, False).rows,
        rows_validation=read_rows(job.validation, job.task, False).rows,
        task=job.task,
        lora=job.lora,
        seed=job.seed,
        checkpoints_dir=job.checkpoints_dir,
        out_dir=job.out_dir,
        on_metrics=on_metrics,
        on_progress=on_progress,
        should_stop=should_stop,
    ).as_dict()


def _start_processes(job: TrainingJob, job_file: str) -> int:
    """The job in several processes of this machine, by torchrun, which Accelerate builds upon.

    torchrun passes SIGTERM on to them and ends all when one fails.
    """
    from torch.distributed.run import main as torchrun

    os.environ[PARENT] = str(os.getpid())
    count = f"--nproc-per-node={job.processes}"
    torchrun(["--standalone", count, "--max-restarts=0", "-m", __spec__.name, job_file])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
