"""A child process whose lines are read as they come, and which never outlives its reader.

Does: start it in a session of its own, hand over its output and the JSON lines of a named pipe, end
its whole group when the reader is interrupted. Does not: know what the child does.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

Heard: TypeAlias = "queue.SimpleQueue[str | dict[str, Any] | None]"
"""Lines of output, objects from the pipe, None at the end of the child."""

KEPT_LINES = 20
END = "end\n"
READERS_GRACE_S = 2.0
"""How long to read on after the child ended: a grandchild may hold the pipes open for ever."""


@dataclass(frozen=True)
class Ended:
    """How a child ended."""

    code: int
    """Exit status; negative: the number of the signal that killed it."""
    last_lines: tuple[str, ...]
    """End of its output."""

    @property
    def killed_by(self) -> str | None:
        """Name of the signal, such as `SIGKILL`."""
        return signal.Signals(-self.code).name if self.code < 0 else None


def run_child(
    command: Sequence[str],
    *,
    pipe: Path,
    on_message: Callable[[dict[str, Any]], None],
    on_line: Callable[[str], None],
    grace_s: float,
    environment: Mapping[str, str] | None = None,
) -> Ended:
    """Run a command to its end. Whatever interrupts this call (cancellation, Ctrl-C, a failure of a
    callback) ends the child first: SIGTERM to its group, SIGKILL after the period of grace.

    Args:
        command: program and arguments.
        pipe: where to make the named pipe that the child writes JSON objects to, one a line.
        on_message: called here with every such object.
        on_line: called here with every line of its output and errors.
        grace_s: seconds from SIGTERM to SIGKILL.
        environment: of the child; None: the caller's.
    Returns:
        How it ended.
    """
    os.mkfifo(pipe, 0o600)
    # For writing too: the pipe never seems to end, so that its end can be told by a line of ours.
    both_ends = os.open(pipe, os.O_RDWR)
    heard: Heard = queue.SimpleQueue()
    last: deque[str] = deque(maxlen=KEPT_LINES)
    child = subprocess.Popen(
        list(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace", start_new_session=True, env=environment,
    )  # fmt: skip

    def handle(item: str | dict[str, Any]) -> None:
        if isinstance(item, str):
            last.append(item)
            on_line(item)
        else:
            on_message(item)

    try:
        readers = [
            _thread(_read_output, child.stdout, heard),
            _thread(_read_pipe, both_ends, heard),
        ]
        _thread(_await_end, child, both_ends, heard)
        while (item := heard.get()) is not None:
            handle(item)
        for reader in readers:
            reader.join(READERS_GRACE_S)
    finally:
        _end_group(child, grace_s)
        pipe.unlink()
    while not heard.empty():
        if (item := heard.get()) is not None:
            handle(item)
    return Ended(child.returncode, tuple(last))


def _thread(target: Callable[..., None], *arguments: Any) -> threading.Thread:
    thread = threading.Thread(target=target, args=arguments, daemon=True)
    thread.start()
    return thread


def _read_output(output: IO[str], heard: Heard) -> None:
    for line in output:
        if line.strip():
            heard.put(line.rstrip())


def _read_pipe(both_ends: int, heard: Heard) -> None:
    with open(both_ends, encoding="utf-8") as lines:
        for line in lines:
            if line == END:
                return
            # A child that was killed in mid-line leaves half an object.
            with suppress(ValueError):
                heard.put(json.loads(line))


def _await_end(child: subprocess.Popen[str], both_ends: int, heard: Heard) -> None:
    child.wait()
    os.write(both_ends, f"\n{END}".encode())
    heard.put(None)


def _end_group(child: subprocess.Popen[str], grace_s: float) -> None:
    """End what is left of the child's process group."""
    try:
        with suppress(subprocess.TimeoutExpired, ProcessLookupError):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                child.wait(grace_s)
    finally:
        with suppress(ProcessLookupError):  # nobody is left, as it should be
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
