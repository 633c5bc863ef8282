"""`pawl up` in a process of its own, as a person starts it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from flows.stack.running import running_stack
from tests.servers.processes import free_port

DEADLINE_S = 240


class Stack:
    """A `pawl up` in a process of its own."""

    def __init__(self, process, home, prefect_port, mlflow_port):
        self.process, self.home = process, home
        self.prefect = f"http://127.0.0.1:{prefect_port}/api"
        self.mlflow = f"http://127.0.0.1:{mlflow_port}"
        self.said = home.parent / f"{home.name}.said"

    def await_saying(self, pattern):
        wait_until(
            lambda: re.search(pattern, self.said.read_text()) or self.process.poll() is not None
        )
        assert re.search(pattern, self.said.read_text()), self.said.read_text() + self.logs()

    def logs(self):
        return "".join(log.read_text()[-2000:] for log in (self.home / "stack").glob("*.log"))

    @property
    def settings(self):
        return running_stack(self.home).environment

    def processes(self):
        """Everything that runs on this home, but `pawl up` itself."""
        found = []
        for process in psutil.process_iter():
            try:
                mine = process.environ().get("PAWL_TEST_STACK") == str(self.home)
            except psutil.Error:
                continue
            if mine and process.pid != self.process.pid:
                found.append(process)
        return found

    def request(self, method, path, **options):
        user, _, password = self.settings.get("PREFECT_API_AUTH_STRING", "").partition(":")
        while True:
            answer = httpx.request(
                method, f"{self.prefect}{path}", auth=(user, password), timeout=60, **options
            )
            if answer.status_code != 503:  # SQLite is locked: Prefect's own clients ask again too
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json()


def wait_until(condition):
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.fixture(scope="module")
def bring_up(tmp_path_factory):
    """Start stacks; kill what is left of them."""
    started = []

    def start(name, *arguments, home=None, **settings):
        home = home or tmp_path_factory.mktemp("stack") / name
        ports = [free_port(), free_port()]
        command = [Path(sys.executable).with_name("pawl"), "up"]
        command += ["--prefect-port", ports[0], "--mlflow-port", ports[1], *arguments]
        clean = {
            k: v for k, v in os.environ.items()
            if not k.startswith(("PAWL_", "PREFECT_", "MLFLOW_"))
        }  # fmt: skip
        mine = {
            "PAWL_HOME": str(home),
            "PAWL_TEST_STACK": str(home),
            "PREFECT_WORKER_QUERY_SECONDS": "1",
        }
        home.mkdir(parents=True, exist_ok=True)
        with (home.parent / f"{home.name}.said").open("w") as said:
            process = subprocess.Popen(
                [str(word) for word in command], env=clean | mine | settings, stdout=said,
                stderr=said, cwd=home.parent, start_new_session=True,
            )  # fmt: skip
        started.append(Stack(process, home, *ports))
        return started[-1]

    yield start
    for stack in started:
        stack.process.kill()
        stack.process.wait()
        for process in stack.processes():
            process.kill()


@pytest.fixture
def until():
    """Wait until a condition holds."""
    return wait_until
