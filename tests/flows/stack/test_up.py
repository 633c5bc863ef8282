"""`pawl up` as it is: both servers on embedded databases and a worker, for this machine alone."""

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing

import httpx
import pytest

from flows.stack.running import running_stack
from tests.servers.prefect_server import copy_of_migrated
from tests.servers.processes import free_port

pytestmark = pytest.mark.takes_minutes


@pytest.fixture(scope="module")
def embedded(bring_up, migrated_prefect, migrated_database, tmp_path_factory):
    """A stack on SQLite files, up."""
    home = tmp_path_factory.mktemp("embedded") / "home"
    copy_of_migrated(migrated_prefect, home / "prefect")
    shutil.copy(migrated_database, home / "mlflow.db")
    stack = bring_up("embedded", "--no-deploy", home=home)
    stack.await_saying("Up. Ctrl-C stops everything")
    return stack


def test_both_servers_answer_and_a_worker_polls(embedded, until):
    assert httpx.get(f"{embedded.prefect}/health").json() is True
    assert httpx.get(f"{embedded.mlflow}/health").text == "OK"
    pools = {"work_pools": {"name": {"any_": ["default"]}}}
    until(lambda: embedded.request("POST", "/work_pools/filter", json=pools))
    until(lambda: embedded.request("POST", "/work_pools/default/workers/filter", json={}))
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


def test_a_server_that_is_killed_comes_back_with_what_it_knew(embedded, until):
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

    until(answers)
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


def test_told_to_stop_it_leaves_no_process_and_no_run_that_seems_to_go_on(
    embedded, tmp_path, until
):
    (tmp_path / "long.py").write_text(LONG)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "MLFLOW_"))}
    subprocess.run(
        [sys.executable, tmp_path / "long.py", tmp_path], check=True, capture_output=True,
        env=clean | dict(embedded.settings),
    )  # fmt: skip
    deployment = embedded.request("GET", "/deployments/name/long/long")["id"]
    run = embedded.request("POST", f"/deployments/{deployment}/create_flow_run", json={})["id"]
    until(lambda: any("time.sleep(600)" in " ".join(p.cmdline()) for p in embedded.processes()))
    embedded.process.send_signal(signal.SIGTERM)
    assert embedded.process.wait(60) == 0, embedded.said.read_text()
    assert not embedded.processes()
    assert running_stack(embedded.home) is None
    with closing(sqlite3.connect(embedded.home / "prefect" / "prefect.db")) as kept:
        found = kept.execute("SELECT id, state_name FROM flow_run").fetchall()
    assert found == [(run, "Crashed")]
