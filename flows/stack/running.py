"""Which stack runs on a home, and how to reach it.

Does: hold the lock that a running `pawl up` owns; write and read the file that tells addresses.
Does not: trust that file unless the lock is held, so a stack that was killed is never used.
"""

from __future__ import annotations

import fcntl
import os
import shlex
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from configs.errors import StackError
from flows.stack.credentials import write_secret

LOCK_PATIENCE_S = 1.0
"""Longer than another command holds the lock to see whether it is free."""


def stack_directory(home: Path) -> Path:
    """Where logs, credentials, lock and addresses of a home's stack are kept."""
    return home / "stack"


@dataclass(frozen=True)
class RunningStack:
    """A stack that is up."""

    pid: int
    """Process of its `pawl up`."""
    environment: Mapping[str, str]
    """Settings by which clients reach its servers; empty until these answer."""


@contextmanager
def only_stack(home: Path) -> Iterator[None]:
    """Be the one stack of a home during the block.

    Raises:
        StackError: when another one is.
    """
    directory = stack_directory(home)
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+", encoding="utf-8") as lock:
        _take(lock.fileno(), home)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (directory / "environment").unlink(missing_ok=True)
        try:
            yield
        finally:
            (directory / "environment").unlink(missing_ok=True)


def _take(handle: int, home: Path) -> None:
    deadline = time.monotonic() + LOCK_PATIENCE_S
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                pid = (stack_directory(home) / "lock").read_text(encoding="utf-8")
                raise StackError(
                    str(home),
                    f"expected no other stack on this home, got one of process {pid}",
                    "Use that one, `pawl down` to end it, or set PAWL_HOME to another directory.",
                ) from error
        time.sleep(0.05)


def running_stack(home: Path) -> RunningStack | None:
    """The stack of a home, or None when none runs."""
    directory = stack_directory(home)
    try:
        with (directory / "lock").open(encoding="utf-8") as lock:
            try:
                fcntl.flock(lock.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
                return None
            except BlockingIOError:
                pid = lock.read()
    except FileNotFoundError:
        return None
    if not pid.isdigit():
        return None  # it has the lock and is about to write
    file = directory / "environment"
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return RunningStack(int(pid), parse_environment(text))


def tell_addresses(home: Path, environment: Mapping[str, str]) -> Path:
    """Write the settings of clients, passwords among them, as lines that a shell can read."""
    path = stack_directory(home) / "environment"
    lines = (f"export {name}={shlex.quote(value)}\n" for name, value in environment.items())
    write_secret(path, "".join(lines))
    return path


def parse_environment(text: str) -> dict[str, str]:
    """Read what `tell_addresses` wrote."""
    words = (word for word in shlex.split(text) if word != "export")
    return dict(word.split("=", 1) for word in words)
