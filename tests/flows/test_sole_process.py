"""Two processes of one flow run: the second waits, and goes on however the first ends."""

import subprocess
import sys
import time

import pytest

from flows import sole_process as module
from flows.sole_process import sole_process

HOLD = """
import pathlib, sys, time
from flows.sole_process import sole_process
with sole_process("a-run", pathlib.Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""


class Logger:
    def __init__(self):
        self.warnings = []

    def warning(self, message):
        self.warnings.append(message)


@pytest.fixture
def logger(monkeypatch):
    logger = Logger()
    monkeypatch.setattr(module, "get_run_logger", lambda: logger)
    return logger


@pytest.fixture
def holder(tmp_path):
    """A process that works for `a-run`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "holds\n"
    yield process
    process.kill()
    process.wait()


def test_a_second_process_waits_until_the_first_was_killed(holder, tmp_path, logger):
    started = time.monotonic()
    killer = subprocess.Popen(["sh", "-c", f"sleep 1; kill -9 {holder.pid}"])
    with sole_process("a-run", tmp_path):
        assert time.monotonic() - started > 0.9
    killer.wait()
    [warning] = logger.warnings
    assert "another process still works for this run" in warning


def test_another_run_and_a_block_within_a_block_do_not_wait(holder, tmp_path, logger):
    with sole_process("other", tmp_path), sole_process("other", tmp_path):
        pass
    assert logger.warnings == []
