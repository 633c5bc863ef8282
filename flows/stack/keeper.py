"""Runs one program and leaves none of its descendants behind; `keeper.py LIMITS PARENT ...`.

Does: end everything that the program started, in whatever session, when told to, when the program
ends, and when the parent dies (Linux). Does not: start it again (flows/stack/supervisor.py).
Imports nothing of ours, for it is a process beside every server and worker.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import psutil

LINUX = sys.platform == "linux"
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


@dataclass(frozen=True)
class Limits:
    """How a program is ended."""

    grace_s: float = 5.0
    """Seconds to end by itself after SIGTERM, before what it started is asked too."""
    patience_s: float = 5.0
    """Seconds for that, before it is killed."""
    children_first: bool = False
    """Whether its children are asked, and waited for, before the program is: a worker of Prefect that
    is told first kills its runs, which then stay `Running` on the server."""


class Told(Exception):
    """SIGTERM or SIGINT arrived."""


def _told(number: int, frame: object) -> None:
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, signal.SIG_IGN)
    raise Told


def end_with_parent() -> None:
    """Let this process get SIGTERM when its parent dies, however that happens."""
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def adopt_orphans() -> None:
    """Become the parent of descendants whose own parent ended, so that none gets out of sight."""
    if LINUX:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)


def end_descendants(patience_s: float, spare: Collection[int] = ()) -> None:
    """Ask every descendant of this process to end; after `patience_s` seconds, kill.

    Args:
        spare: children, by process id, that are left alone with all that descends from them.
    """
    left = _descendants(spare)
    for process in left:
        _signal(process, signal.SIGTERM)
    psutil.wait_procs(left, timeout=patience_s)
    while left := _descendants(spare):
        for process in left:
            _signal(process, signal.SIGKILL)
        psutil.wait_procs(left, timeout=1)


def _descendants(spare: Collection[int]) -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        if child.pid not in spare:
            try:
                found += [child, *child.children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
    return found


def _signal(process: psutil.Process, number: int) -> None:
    try:
        process.send_signal(number)
    except psutil.NoSuchProcess:
        return


def _await(child: subprocess.Popen[bytes]) -> int:
    while LINUX:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        assert ended is not None  # it blocks
        if ended.si_pid == child.pid:
            break
        os.waitpid(ended.si_pid, 0)  # an adopted orphan
    return child.wait()


def end_children_of(program: psutil.Process, patience_s: float) -> None:
    """Ask the children of a program to end while it cannot start others, and wait for them."""
    program.suspend()
    try:
        children = program.children()
        for process in children:
            _signal(process, signal.SIGTERM)
        psutil.wait_procs(children, timeout=patience_s)
    finally:
        program.resume()


def keep(command: Sequence[str], limits: Limits) -> int:
    """Run a command to its end, or until this process is told to end; returns its exit code.

    A command that a signal ended counts as 128 + its number, as in a shell.

    """
    adopt_orphans()
    for one in (signal.SIGTERM, signal.SIGINT):
        signal.signal(one, _told)
    child = None
    try:
        child = subprocess.Popen(command, preexec_fn=end_with_parent)
        code = _await(child)
        return code if code >= 0 else 128 - code
    except Told:
        if child is None:
            return 1
        if limits.children_first:
            end_children_of(psutil.Process(child.pid), limits.patience_s)
        child.terminate()
        try:
            child.wait(limits.grace_s)
        except subprocess.TimeoutExpired:
            return 1
        return 0
    finally:
        end_descendants(limits.patience_s)


def main(arguments: Sequence[str]) -> int:
    """Entry point; `arguments`: `Limits` as JSON, the parent's process id, the command."""
    limits, parent, *command = arguments
    end_with_parent()
    if os.getppid() != int(parent):
        return 1  # it died before we could ask to be told
    return keep(command, Limits(**json.loads(limits)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
