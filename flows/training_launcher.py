"""Where fine-tuning runs: in this process, in one of its own, or in several.

Does: turn a launcher's name into a training, and what a child process says into results, errors and
lines of the log. Does not: train (finetune/train.py) or talk to Prefect.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import configs
from configs import errors
from configs.errors import PawlError, TrainingError
from configs.lifecycle import TrainingConfig
from finetune.training_process import GRACE_S, TrainingJob, command
from flows.child_process import Ended, run_child
from flows.home import QUIET

Metrics = Callable[[dict[str, float], int], None]
Progress = Callable[[int, int], None]


def launcher_for(training: TrainingConfig, in_deployment: bool) -> str:
    """The launcher that `auto` stands for, else the one that was asked for."""
    if training.launcher != "auto":
        return training.launcher
    return "subprocess" if in_deployment else "in-process"


def train_in_child(
    job: TrainingJob,
    on_metrics: Metrics,
    on_progress: Progress,
    on_line: Callable[[str], None],
) -> dict[str, Any]:
    """Train in a process of its own, or several if the job says so.

    Args:
        job: files by path, which the processes must see too.
        on_metrics, on_progress: as of `finetune.train.train_adapter`.
        on_line: called with every line that the processes print.
    Returns:
        The result in its JSON-able form.
    Raises:
        PawlError: what the training raised.
        TrainingError: when the process ended without a word, killed for example.
    """
    said: dict[str, dict[str, Any]] = {}

    def on_message(message: dict[str, Any]) -> None:
        if message["kind"] == "metrics":
            on_metrics(message["metrics"], message["step"])
        elif message["kind"] == "progress":
            on_progress(message["done"], message["total"])
        else:
            said[message["kind"]] = message

    with tempfile.TemporaryDirectory(prefix="pawl-training-") as scratch:
        described = job.model_copy(
            update={"pipe": Path(scratch) / "messages", "parent": os.getpid()}
        )
        job_file = Path(scratch) / "job.json"
        job_file.write_text(described.model_dump_json())
        ended = run_child(
            command(job_file),
            pipe=described.pipe,
            on_message=on_message,
            on_line=on_line,
            grace_s=GRACE_S,
            environment=_environment(),
        )
    if "error" in said:
        raise _error(said["error"])
    if ended.code != 0 or "result" not in said:
        raise _died(ended)
    result: dict[str, Any] = said["result"]["result"]
    return result


def _environment() -> dict[str, str]:
    """This environment, with our packages importable although they may not be installed."""
    sources = str(Path(configs.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [sources, os.environ.get("PYTHONPATH")]))
    return QUIET | os.environ | {"PYTHONPATH": paths, "PYTHONUNBUFFERED": "1"}


def _error(message: dict[str, str]) -> PawlError:
    kind: type[PawlError] = getattr(errors, message["error"], TrainingError)
    return kind(message["where"], message["problem"], message["action"])


def _died(ended: Ended) -> TrainingError:
    if ended.killed_by == "SIGKILL":
        return TrainingError(
            "training process",
            "expected a result, but something killed it (SIGKILL), as happens when memory runs out",
            "Give it more memory or lower lora.batch_size; a further run goes on from the last "
            "checkpoint.",
        )
    how = f"signal {ended.killed_by}" if ended.killed_by else f"exit status {ended.code}"
    tail = "".join(f"\n  {line}" for line in ended.last_lines)
    return TrainingError(
        "training process",
        f"expected a result, but it ended with {how}{tail}",
        "Look at its lines in the log; a further run goes on from the last checkpoint.",
    )
