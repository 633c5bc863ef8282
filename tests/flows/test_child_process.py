"""Children that talk, die, hang and leave children of their own."""

import os
import sys
import time

import psutil
import pytest

from flows.child_process import run_child


class Interrupted(BaseException):
    """Stands for Prefect's TerminationSignal."""


@pytest.fixture
def run(tmp_path):
    """Run Python code as a child; returns how it ended, its messages and its lines."""

    def start(code, grace_s=10, on_message=None, on_line=None):
        messages, lines = [], []
        ended = run_child(
            [sys.executable, "-u", "-c", code, str(tmp_path / "pipe")], pipe=tmp_path / "pipe",
            on_message=on_message or messages.append, on_line=on_line or lines.append,
            grace_s=grace_s,
        )  # fmt: skip
        assert not (tmp_path / "pipe").exists()
        return ended, messages, lines

    return start


def test_lines_and_messages_arrive_apart_and_in_order(run):
    code = (
        "import sys\n"
        "with open(sys.argv[1], 'w', buffering=1) as pipe:\n"
        "    for i in range(300):\n"
        "        print('line', i, file=sys.stderr if i % 2 else sys.stdout, flush=True)\n"
        '        pipe.write(\'{"n": %d, "filler": "%s"}\\n\' % (i, \'x\' * 500))\n'
    )
    ended, messages, lines = run(code)
    assert [m["n"] for m in messages] == list(range(300))
    assert lines == [f"line {i}" for i in range(300)]
    assert (ended.code, ended.killed_by) == (0, None)
    assert ended.last_lines == tuple(lines[-20:])


def test_a_child_that_never_opens_the_pipe_ends(run):
    ended, messages, lines = run("print('hello'); raise SystemExit(3)")
    assert (ended.code, messages, lines) == (3, [], ["hello"])


def test_a_child_killed_in_mid_message_leaves_the_whole_ones(run):
    code = (
        "import os, sys\n"
        "pipe = os.open(sys.argv[1], os.O_WRONLY)\n"
        'os.write(pipe, b\'{"n": 1}\\n{"n": 2\')\n'
        "os.kill(os.getpid(), 9)\n"
    )
    ended, messages, _ = run(code)
    assert messages == [{"n": 1}]
    assert ended.killed_by == "SIGKILL"


IGNORES_SIGTERM = (
    "import os, signal, subprocess, sys, time\n"
    "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
    "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    "print(os.getpid(), flush=True)\n"
    "time.sleep(600)\n"
)
OBEYS_SIGTERM = IGNORES_SIGTERM.replace("signal.SIG_IGN", "lambda *a: os._exit(0)")


@pytest.mark.parametrize("code", [IGNORES_SIGTERM, OBEYS_SIGTERM], ids=["stubborn", "orderly"])
def test_an_interruption_leaves_nobody_of_the_group(run, code):
    pids = []

    def interrupt(line):
        pids.append(int(line))
        raise Interrupted

    started = time.monotonic()
    with pytest.raises(Interrupted):
        run(code, grace_s=1, on_line=interrupt)
    assert time.monotonic() - started < 30
    deadline = time.monotonic() + 10
    while group_of(pids[0]) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert group_of(pids[0]) == []


def group_of(leader):
    found = []
    for process in psutil.process_iter(["status"]):
        try:
            group = os.getpgid(process.pid)
        except ProcessLookupError:
            continue
        if group == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def test_a_grandchild_that_holds_the_output_open_delays_nothing(run):
    code = (
        "import subprocess, sys\n"
        "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print('done')\n"
    )
    started = time.monotonic()
    ended, _, lines = run(code)
    assert (ended.code, lines) == (0, ["done"])
    assert time.monotonic() - started < 60
