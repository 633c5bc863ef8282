"""Server processes that end with the tests."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time

START_TIMEOUT_S = 90


def free_port():
    """A port of 127.0.0.1 that nothing listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def end_with_the_tests():
    """For `preexec_fn`: the process ends even when the tests are killed and clean up nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def start_process(command, *, log, cwd=None, env=None, user=None):
    """Start a process in a session of its own, with its output in the file `log` (appended)."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [str(part) for part in command], cwd=cwd, env=env, user=user, stdout=output,
            stderr=output, start_new_session=True, preexec_fn=end_with_the_tests,
        )  # fmt: skip


def kill_group(process):
    """SIGKILL a process and all its children that are still in its session."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def await_answer(is_up, process, log):
    """Wait until `is_up()` is true.

    Raises:
        RuntimeError: with the log, when the process ended or 90 s went by before that.
    """
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_up():
            return
        time.sleep(0.1)
    raise RuntimeError(f"a server did not start: {log.read_text()[-5000:]}")


def listens(port):
    """Whether something listens on a port of 127.0.0.1."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
