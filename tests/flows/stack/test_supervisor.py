"""Programs are kept running, and nothing that they started is left: shown with small ones."""

import os
import signal
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import psutil
import pytest

DEADLINE_S = 60
SUPERVISED = """
import os, sys
from pathlib import Path
from flows.stack.keeper import Limits
from flows.stack.plan import Program, StackPlan
from flows.stack.supervisor import Supervisor
def program(name, code, **more):
    command = (sys.executable, "-c", code)
    return Program(name, command, dict(os.environ), Limits(1, 1), **more)
def say(message):
    print(message, flush=True)
plan = StackPlan(servers=({servers}), deploy=None, workers=({workers}), client_environment={{}})
Supervisor(Path(sys.argv[1]), say, settle=lambda started: None).run(plan, when_ready=lambda: None)
"""
SLEEPS = "import time; time.sleep(600)"
HIDES = (  # a grandchild in a session of its own, as training has, that ignores SIGTERM
    "import subprocess, sys, time\n"
    "subprocess.Popen([sys.executable, '-c', 'import signal, time; "
    "signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(600)'], "
    "start_new_session=True)\n"
    "time.sleep(600)"
)


class Fine(BaseHTTPRequestHandler):
    """A server that is healthy."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Nothing."""


@pytest.fixture
def supervise(tmp_path):
    """Run programs, given as the arguments of `program`, in a process of its own: a supervisor ends
    every descendant of its process, which must not be those of the tests."""
    started = []

    def start(*workers, server=None):
        code = SUPERVISED.format(
            servers=f"program({server})," if server else "",
            workers="".join(f"program({arguments})," for arguments in workers),
        )
        process = subprocess.Popen(
            [sys.executable, "-c", code, tmp_path],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"PAWL_TEST_MARK": str(tmp_path)},
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
    for left in marked(tmp_path):
        left.kill()


def marked(tmp_path, without=None):
    """Processes that descend from a supervisor of this test."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("PAWL_TEST_MARK") == str(tmp_path) and process.pid != without:
                found.append(process)
        except psutil.Error:
            continue  # it ended, or is nobody's business
    return found


def all_run(tmp_path, supervisor):
    """Whether both programs with their keepers and the grandchild run, and that one ignores SIGTERM."""
    hidden = tmp_path / "b.log"
    return (
        len(marked(tmp_path, supervisor.pid)) == 5 and hidden.exists() and hidden.stat().st_size > 0
    )


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_told_to_stop_it_leaves_nothing_not_even_what_hides(supervise, tmp_path, number):
    supervisor = supervise(f"'a', {SLEEPS!r}", f"'b', {HIDES!r}")
    wait_until(lambda: all_run(tmp_path, supervisor))
    supervisor.send_signal(number)
    assert supervisor.wait(DEADLINE_S) == 0
    assert not marked(tmp_path)


@pytest.mark.skipif(
    sys.platform != "linux", reason="only Linux tells a child of its parent's death"
)
def test_killed_it_leaves_nothing_either(supervise, tmp_path):
    supervisor = supervise(f"'a', {SLEEPS!r}", f"'b', {HIDES!r}")
    wait_until(lambda: all_run(tmp_path, supervisor))
    supervisor.kill()
    supervisor.wait()
    wait_until(lambda: not marked(tmp_path))


def test_a_program_that_dies_is_started_again_and_its_orphans_are_not_left(supervise, tmp_path):
    log = tmp_path / "a.log"
    code = f"import os; print(os.getpid(), flush=True); {SLEEPS}"
    supervisor = supervise(f"'a', {code!r}")
    wait_until(lambda: log.exists() and log.read_text().count("\n") == 1)
    os.kill(int(log.read_text()), signal.SIGKILL)
    wait_until(lambda: log.read_text().count("\n") == 2)
    supervisor.terminate()
    said, _ = supervisor.communicate(timeout=DEADLINE_S)
    assert f"a: ended with 137; started again in 1 s. Why is in {log}." in said
    assert "a: started again." in said


def test_a_program_that_keeps_dying_is_started_ever_more_rarely(tmp_path):
    from flows.stack.kept_program import KeptProgram
    from flows.stack.plan import Program

    kept = KeptProgram(Program("a", ("true",), {}), tmp_path / "a.log")
    kept.start()
    kept.wait(hurried=lambda: False)
    assert [kept.next_backoff_s() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_a_server_that_does_not_start_is_named_with_the_end_of_its_log(supervise):
    code = "import sys; sys.exit('no such database')"
    _, failure = supervise(
        server=f"'mlflow', {code!r}, health_url='http://127.0.0.1:9/'"
    ).communicate(timeout=DEADLINE_S)
    assert "StackError: mlflow: expected an answer from http://127.0.0.1:9/" in failure
    assert "it ended with 1. Its log ends: no such database" in failure


def test_workers_stop_before_the_servers_that_they_report_to(supervise, tmp_path):
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def end(*_):\n"
        f"    open({str(order)!r}, 'a').write('NAME '); sys.exit()\n"
        "signal.signal(signal.SIGTERM, end)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)"
    )
    server, worker = (code.replace("NAME", name) for name in ("server", "worker"))
    logs = [tmp_path / "server.log", tmp_path / "worker.log"]
    with HTTPServer(("127.0.0.1", 0), Fine) as answering:
        Thread(target=answering.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{answering.server_port}/"
        supervisor = supervise(
            f"'worker', {worker!r}", server=f"'server', {server!r}, health_url={url!r}"
        )
        wait_until(lambda: all(log.exists() and log.stat().st_size > 0 for log in logs))
        supervisor.terminate()
        supervisor.communicate(timeout=DEADLINE_S)
        answering.shutdown()
    assert order.read_text() == "worker server "
