"""A lifecycle killed in the middle of training goes on where it was."""

import os
import signal
import time

import pytest
import yaml

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml

pytestmark = pytest.mark.takes_minutes
DEADLINE_S = 240


@pytest.fixture
def small_lifecycle(tmp_path):
    """The demo with few rows, no quantization, and many checkpoints."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo |= {"quantizations": [], "name": "small"}
    demo["data"] |= {"train_documents": 96, "validation_documents": 4, "test_documents": 30}
    demo["lora"] |= {"epochs": 1, "batch_size": 4, "checkpoints": 20}
    demo["gate"] |= {"candidates": ["fine-tuned"], "resamples": 1000}
    demo["gate"] |= {"comparisons": [{"metric": "micro_f1", "margin": 0.05}], "floors": []}
    demo["gate"] |= {"preflight": {"action": "warn"}, "readable_references": {"action": "warn"}}
    demo["guard_tasks"] = []
    demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(demo))
    return path


def wait_for_a_whole_checkpoint(home, process):
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        if list((home / "cache" / "unfinished").glob("*/checkpoint-*/trainer_state.json")):
            return
        assert process.poll() is None, "the run ended before its first checkpoint"
        time.sleep(0.05)
    raise AssertionError(f"no checkpoint within {DEADLINE_S} s")


def test_a_run_killed_in_mid_training_resumes_from_its_checkpoint(
    small_lifecycle, tmp_path, run_pawl, start_pawl
):
    home = tmp_path / "home"
    process = start_pawl("run", small_lifecycle, home=home, cwd=tmp_path)
    try:
        wait_for_a_whole_checkpoint(home, process)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert not list((home / "cache" / "fine-tune").glob("*/step.json"))
    printed = run_pawl("run", small_lifecycle, home=home, cwd=tmp_path)
    assert printed.code == 0, printed.err[-3000:]
    assert "resumed from step" in printed.err
    assert "Outcome: " in printed.out
    assert not list((home / "cache" / "unfinished").iterdir())
