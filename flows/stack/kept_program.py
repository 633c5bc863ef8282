"""One program that is kept running, behind a keeper that leaves none of its descendants behind."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from os import getpid
from pathlib import Path

from flows.stack import keeper
from flows.stack.plan import Program

FIRST_BACKOFF_S, LONGEST_BACKOFF_S = 1.0, 60.0
STEADY_AFTER_S = 60.0
"""A program that ran for so long is not counted as failing to start."""
ANSWER_PATIENCE_S = 5.0
LOOK_EVERY_S = 0.1
SLACK_S = 10.0
"""For the keeper to end after it killed what was left."""


class KeptProgram:
    """A program, started as often as need be; its output is appended to one log."""

    def __init__(self, program: Program, log: Path) -> None:
        self.program, self.log = program, log
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._started_at = 0.0
        self.started_s = 0.0
        """When its present process started, in seconds since 1970."""
        self._log_start = 0

    def start(self) -> None:
        """Start it, again if it ended."""
        limits = json.dumps(asdict(self.program.limits))
        command = [sys.executable, "-P", keeper.__file__, limits, str(getpid())]
        with self.log.open("ab") as output:
            self._log_start = output.tell()
            self._process = subprocess.Popen(
                [*command, *self.program.command],
                env=dict(self.program.environment),
                cwd=self.log.parent,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._started_at, self.started_s = time.monotonic(), time.time()

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._running.poll()

    def answers(self) -> bool:
        """Whether it is ready to be used."""
        if self.program.health_url is None:
            return True
        import httpx

        try:
            answer = httpx.get(self.program.health_url, timeout=ANSWER_PATIENCE_S)
        except httpx.HTTPError:
            return False
        return answer.status_code == httpx.codes.OK

    def next_backoff_s(self) -> float:
        """Seconds to wait before it is started again, now that it ended: 1, 2, 4, ... at most 60."""
        steady = time.monotonic() - self._started_at > STEADY_AFTER_S
        self._failures = 0 if steady else self._failures
        wait_s = min(FIRST_BACKOFF_S * 2.0**self._failures, LONGEST_BACKOFF_S)
        self._failures += 1
        return wait_s

    def ask_to_stop(self) -> None:
        """Ask it to end; returns at once."""
        self._running.terminate()

    def wait(self, hurried: Callable[[], bool]) -> None:
        """Wait until it ended, or kill it when that takes too long or is `hurried`."""
        limits = self.program.limits
        deadline = time.monotonic() + limits.grace_s + 2 * limits.patience_s + SLACK_S
        while self._running.poll() is None:
            if hurried() or time.monotonic() > deadline:
                self._running.kill()
            time.sleep(LOOK_EVERY_S)

    def output(self) -> str:
        """What it printed since it was last started."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode(errors="replace").strip()

    @property
    def pid(self) -> int:
        """Process of its keeper."""
        return self._running.pid

    @property
    def _running(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "start() first"
        return self._process
