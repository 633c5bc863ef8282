"""Training in real child processes: the same bytes, an orderly stop, and nobody left behind."""

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from finetune.checkpoints import last_whole_checkpoint
from finetune.data import write_rows
from finetune.training_process import TrainingJob, command

PATIENCE_S = 120


@pytest.fixture
def job(base_dir, rows, task, lora, tmp_path):
    """A job of many steps in `tmp_path`."""
    write_rows(rows[:24], tmp_path / "train.jsonl")
    write_rows(rows[24:], tmp_path / "validation.jsonl")
    return TrainingJob(
        base_dir=base_dir, base_name="pawl://tiny", train=tmp_path / "train.jsonl",
        validation=tmp_path / "validation.jsonl", task=task, lora=lora, seed=17,
        checkpoints_dir=tmp_path / "checkpoints", out_dir=tmp_path / "adapter",
        pipe=tmp_path / "pipe", parent=os.getpid(),
    )  # fmt: skip


class Lines:
    """A pipe read byte by byte: nothing may wait in a buffer where `select` cannot see it."""

    def __init__(self, descriptor):
        self.descriptor = descriptor

    def fileno(self):
        return self.descriptor

    def readline(self):
        line = b""
        while not line.endswith(b"\n"):
            line += os.read(self.descriptor, 1)
        return line


@pytest.fixture
def start(tmp_path):
    """Start the process of a job; yields a function that gives the process and its open pipe."""
    started = []

    def run(job, before=()):
        os.mkfifo(job.pipe)
        (tmp_path / "job.json").write_text(job.model_dump_json())
        process = subprocess.Popen(
            [*before, *command(tmp_path / "job.json")], start_new_session=True,
            stdout=(tmp_path / "log").open("wb"), stderr=subprocess.STDOUT,
        )  # fmt: skip
        started.append(process)
        return process, Lines(os.open(job.pipe, os.O_RDWR))

    yield run
    for process in started:
        process.kill()
        process.wait()


def endless(job):
    """The job with more steps than anyone waits for, and hardly a checkpoint."""
    lora = job.lora.model_copy(update={"epochs": 20_000, "checkpoints": 1})
    return job.model_copy(update={"lora": lora})


def read_until(pipe, kind):
    """Messages up to the first of a kind, which must come in time."""
    messages, deadline = [], time.monotonic() + PATIENCE_S
    while not messages or messages[-1]["kind"] != kind:
        ready, _, _ = select.select([pipe], [], [], deadline - time.monotonic())
        assert ready, f"no {kind} within {PATIENCE_S} s, only {messages[-3:]}"
        messages.append(json.loads(pipe.readline()))
    return messages


def test_a_process_of_its_own_makes_the_same_bytes(trained, job, start):
    work, result, metrics, progress = trained
    process, pipe = start(job)
    messages = read_until(pipe, "result")
    assert process.wait(PATIENCE_S) == 0
    for path in (work / "adapter").iterdir():
        assert (job.out_dir / path.name).read_bytes() == path.read_bytes(), path.name
    said = [(m["done"], m["total"]) for m in messages if m["kind"] == "progress"]
    logged = [(m["step"], m["metrics"].keys()) for m in messages if m["kind"] == "metrics"]
    assert said == progress
    assert logged == [(step, values.keys()) for step, values in metrics]
    same = {"seconds": 0}
    assert messages[-1]["result"] | same == result.as_dict() | same


def test_sigterm_leaves_a_checkpoint_of_the_step_it_came_at(job, start, train):
    process, pipe = start(endless(job))
    read_until(pipe, "progress")
    process.send_signal(signal.SIGTERM)
    asked = time.monotonic()
    assert read_until(pipe, "error")[-1]["error"] == "TrainingStopped"
    assert process.wait(PATIENCE_S) == 1
    assert time.monotonic() - asked < 30
    saved = last_whole_checkpoint(job.checkpoints_dir)
    step = int(saved.name.removeprefix("checkpoint-"))
    assert 0 < step < 20_000
    assert not job.out_dir.exists()


def test_sigterm_before_training_ends_at_once(job, start):
    process, _ = start(job)
    deadline = time.monotonic() + PATIENCE_S
    while not catches_sigterm(process.pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE_S) == 128 + signal.SIGTERM
    assert not job.checkpoints_dir.exists()


def catches_sigterm(pid):
    [line] = [
        line for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("SigCgt:")
    ]  # fmt: skip
    return bool(int(line.split()[1], 16) & 1 << (signal.SIGTERM - 1))


def test_a_process_whose_parent_was_killed_saves_and_ends(job, start, tmp_path):
    """The parent here is a shell of the test's; killed like a worker that runs out of memory."""
    script = (
        "import os, subprocess, sys, json, pathlib\n"
        "path = pathlib.Path(sys.argv[-1])\n"
        "path.write_text(json.dumps(json.loads(path.read_text()) | {'parent': os.getpid()}))\n"
        "subprocess.run(sys.argv[1:])\n"
    )
    parent, pipe = start(endless(job), before=(sys.executable, "-c", script))
    read_until(pipe, "progress")
    parent.kill()
    parent.wait()
    assert read_until(pipe, "error")[-1]["error"] == "TrainingStopped"
    assert last_whole_checkpoint(job.checkpoints_dir) is not None
    deadline = time.monotonic() + PATIENCE_S
    while group_is_alive(parent.pid):
        assert time.monotonic() < deadline, "the training outlived its parent"
        time.sleep(0.1)


def group_is_alive(group):
    for process in psutil.process_iter(["status"]):
        try:
            if os.getpgid(process.pid) == group and process.info["status"] != "zombie":
                return True
        except ProcessLookupError:
            continue
    return False


def test_two_processes_that_share_each_step_learn_the_same(trained, job, start, tmp_path):
    result = trained[1]
    process, pipe = start(job.model_copy(update={"processes": 2}))
    messages = read_until(pipe, "result")
    assert process.wait(PATIENCE_S) == 0, (tmp_path / "log").read_text()[-3000:]
    together = messages[-1]["result"]
    assert together["steps"] == result.steps
    assert together["trainable_parameters"] == result.trainable_parameters
    assert together["validation_loss"] == pytest.approx(result.validation_loss, rel=0.2)
    assert {path.name for path in job.out_dir.iterdir()} == {
        "adapter_model.safetensors",
        "adapter_config.json",
    }


def test_processes_agree_to_stop_when_one_of_them_is_asked(tmp_path):
    """Otherwise one would leave the loop and the others wait for it for ever."""
    code = (
        "import sys, torch.distributed as distributed\n"
        "from finetune.trainer_callback import _any_process\n"
        "rank = int(sys.argv[1])\n"
        "address = f'file://{sys.argv[2]}'\n"
        "distributed.init_process_group('gloo', address, rank=rank, world_size=2)\n"
        "print(_any_process(False), _any_process(rank == 1), flush=True)\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(rank), str(tmp_path / "store")],
            stdout=subprocess.PIPE, text=True,
        )
        for rank in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=PATIENCE_S)[0] for process in processes]
    assert said == ["False True\n"] * 2
