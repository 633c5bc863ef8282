"""`pawl up` with its real servers: on embedded databases, and on PostgreSQL for other machines."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import httpx
import psutil
import psycopg2
import pytest
import yaml

from configs.load import SHIPPED, read_yaml
from flows.stack.running import running_stack
from tests.servers.postgresql import create_database
from tests.servers.prefect_server import copy_of_migrated
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


@pytest.fixture(scope="module")
def embedded(bring_up, migrated_prefect, migrated_database, tmp_path_factory):
    """A stack on SQLite files, up."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    copy_of_migrated(migrated_prefect, home / "prefect")
    shutil.copy(migrated_database, home / "mlflow.db")
    stack = bring_up("embedded", "--no-deploy", home=home)
    stack.await_saying("Up. Ctrl-C stops everything")
    return stack


def test_both_servers_answer_and_a_worker_polls(embedded):
    assert httpx.get(f"{embedded.prefect}/health").json() is True
    assert httpx.get(f"{embedded.mlflow}/health").text == "OK"
    pools = {"work_pools": {"name": {"any_": ["default"]}}}
    wait_until(lambda: embedded.request("POST", "/work_pools/filter", json=pools))
    wait_until(lambda: embedded.request("POST", "/work_pools/default/workers/filter", json={}))
    assert embedded.request("GET", "/work_pools/default")["type"] == "process"


def test_pages_and_hosts_of_others_are_refused(embedded):
    asked = httpx.get(f"{embedded.prefect}/health", headers={"Origin": "http://evil.example"})
    assert "access-control-allow-origin" not in asked.headers
    url = f"{embedded.mlflow}/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.get(url).status_code == 200
    assert httpx.get(url, headers={"Host": "evil.example"}).status_code == 403


def test_later_commands_of_the_home_use_the_stack(embedded, run_pawl, tmp_path):
    printed = run_pawl("status", home=embedded.home, cwd=tmp_path)
    assert printed.code == 0, printed.err
    assert embedded.mlflow in printed.out


def test_a_second_stack_on_the_home_is_refused(embedded, run_pawl, tmp_path):
    printed = run_pawl("up", home=embedded.home, cwd=tmp_path)
    assert printed.code == 1
    assert f"got one of process {embedded.process.pid}" in printed.err


def test_a_port_in_use_is_named_with_its_option(embedded, run_pawl, tmp_path):
    port = embedded.mlflow.rpartition(":")[2]
    printed = run_pawl(
        "up", "--prefect-port", free_port(), "--mlflow-port", port, home=tmp_path, cwd=tmp_path
    )
    assert printed.code == 1
    assert f"--mlflow-port {port}: expected a port of 127.0.0.1 to listen on" in printed.err
    assert "in use" in printed.err


def test_a_server_that_is_killed_comes_back_with_what_it_knew(embedded):
    made = embedded.request("POST", "/flows/", json={"name": "kept"})
    [server] = [p for p in embedded.processes() if "server start" in " ".join(p.cmdline()[-6:])
                and "keeper" not in " ".join(p.cmdline())]  # fmt: skip
    server.kill()
    embedded.await_saying(r"prefect: ended with 137; started again in 1 s")
    embedded.await_saying("prefect: started again")

    def answers():
        try:
            return httpx.get(f"{embedded.prefect}/health").status_code == 200
        except httpx.HTTPError:
            return False

    wait_until(answers)
    assert embedded.request("GET", "/flows/name/kept")["id"] == made["id"]


LONG = """
import subprocess, sys, time
from prefect import flow

@flow
def long():
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
    while True:
        time.sleep(0.2)

if __name__ == "__main__":
    made = flow.from_source(sys.argv[1], "long.py:long")
    made.deploy("long", work_pool_name="default", print_next_steps=False)
"""


def test_told_to_stop_it_leaves_no_process_and_no_run_that_seems_to_go_on(embedded, tmp_path):
    (tmp_path / "long.py").write_text(LONG)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_"))}
    subprocess.run(
        [sys.executable, tmp_path / "long.py", tmp_path], check=True, capture_output=True,
        env=clean | dict(embedded.settings),
    )  # fmt: skip
    deployment = embedded.request("GET", "/deployments/name/long/long")["id"]
    run = embedded.request("POST", f"/deployments/{deployment}/create_flow_run", json={})["id"]
    wait_until(
        lambda: any("time.sleep(600)" in " ".join(p.cmdline()) for p in embedded.processes())
    )
    embedded.process.send_signal(signal.SIGTERM)
    assert embedded.process.wait(60) == 0, embedded.said.read_text()
    assert not embedded.processes()
    assert running_stack(embedded.home) is None
    with closing(sqlite3.connect(embedded.home / "prefect" / "prefect.db")) as kept:
        found = kept.execute("SELECT id, state_name FROM flow_run").fetchall()
    assert found == [(run, "Crashed")]


@pytest.fixture(scope="module")
def shared(bring_up, postgresql_address):
    """A stack for other machines, on PostgreSQL."""
    for name in ("up_prefect", "up_mlflow"):
        create_database(postgresql_address, name)
    stack = bring_up(
        "shared", "--no-deploy", "--workers", "0", "--host", "0.0.0.0", "--auth",
        PREFECT_SERVER_DATABASE_CONNECTION_URL=f"postgresql+asyncpg://{postgresql_address}/up_prefect",
        MLFLOW_BACKEND_STORE_URI=f"postgresql+psycopg2://{postgresql_address}/up_mlflow",
    )  # fmt: skip
    stack.await_saying("Up. Ctrl-C stops everything")
    return stack


def test_servers_for_others_are_refused_without_passwords(run_pawl, tmp_path):
    printed = run_pawl("up", "--host", "0.0.0.0", home=tmp_path, cwd=tmp_path)
    assert printed.code == 1
    assert "--host 0.0.0.0: expected authentication" in printed.err


def test_whoever_comes_without_a_password_gets_401_from_both(shared):
    flows, experiments = "/flows/count", "/api/2.0/mlflow/experiments/search?max_results=1"
    assert httpx.post(f"{shared.prefect}{flows}").status_code == 401
    assert httpx.get(f"{shared.mlflow}{experiments}").status_code == 401
    wrong = ("pawl", "guess")
    assert httpx.post(f"{shared.prefect}{flows}", auth=wrong).status_code == 401
    assert httpx.get(f"{shared.mlflow}{experiments}", auth=wrong).status_code == 401
    told = shared.settings
    mlflow = (told["MLFLOW_TRACKING_USERNAME"], told["MLFLOW_TRACKING_PASSWORD"])
    assert shared.request("POST", flows) == 0
    assert httpx.get(f"{shared.mlflow}{experiments}", auth=mlflow).status_code == 200


def test_passwords_are_only_where_the_owner_reads_them(shared):
    secrets = [
        shared.settings["MLFLOW_TRACKING_PASSWORD"],
        shared.settings["PREFECT_API_AUTH_STRING"],
    ]
    for process in psutil.process_iter():
        try:
            words = " ".join(process.cmdline())
        except psutil.Error:
            continue
        assert not any(secret in words for secret in secrets)
    for path in (shared.home / "stack").rglob("*"):
        if path.is_file() and any(
            secret in path.read_bytes().decode("latin1") for secret in secrets
        ):
            assert path.stat().st_mode & 0o077 == 0, path


def test_a_lifecycle_runs_with_both_servers_on_postgresql(
    shared, run_pawl, tmp_path, postgresql_address
):
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo |= {"quantizations": [], "name": "small", "guard_tasks": []}
    demo["data"] |= {"train_documents": 8, "validation_documents": 2, "test_documents": 12}
    demo["lora"] |= {"epochs": 1, "batch_size": 8}
    demo["gate"] |= {"candidates": ["fine-tuned"], "resamples": 1000, "floors": []}
    demo["gate"] |= {"comparisons": [{"metric": "micro_f1", "margin": 0.05}]}
    demo["gate"] |= {"preflight": {"action": "warn"}}
    demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(demo))
    printed = run_pawl("run", tmp_path / "small.yaml", home=shared.home, cwd=tmp_path)
    assert printed.code == 0, printed.err[-3000:]
    assert "Outcome: " in printed.out
    assert not (shared.home / "mlflow.db").exists()
    assert rows(postgresql_address, "up_prefect", "SELECT state_type FROM flow_run") == [
        ("COMPLETED",)
    ]
    model = demo["registry"]["model_name"]
    found = rows(postgresql_address, "up_mlflow", "SELECT name, version FROM model_versions")
    assert (model, 1) in found


def rows(address, database, query):
    connection = psycopg2.connect(f"postgresql://{address}/{database}")
    try:
        with connection.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetchall()
    finally:
        connection.close()


def test_down_stops_the_stack_of_the_home(shared, run_pawl, tmp_path):
    printed = run_pawl("down", home=shared.home, cwd=tmp_path)
    assert f"Stopped the stack on {shared.home}." in printed.out.replace("\n", "")
    assert shared.process.wait(10) == 0
    assert not shared.processes()
    again = run_pawl("down", home=shared.home, cwd=tmp_path)
    assert "No stack runs on" in again.out
