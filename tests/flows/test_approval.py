"""A promotion that waits for a person, on a real server and worker that are killed meanwhile."""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from registry.audit import audit_trail
from registry.store import ModelStore
from tests.servers.prefect_server import PrefectServer, copy_of_migrated
from tests.servers.processes import kill_group

pytestmark = pytest.mark.takes_minutes
ROOT = Path(__file__).parents[2]
POOL = "approval-test"
ANSWER = {"verdict": "approve", "your_name": "Grace", "reason": "read ten notes, all right"}


class Lifecycles:
    """A deployment that runs lifecycles of files, on a server and a worker of its own."""

    def __init__(self, server, home, tracking_uri):
        self.server, self.home = server, home
        self.settings = {"PAWL_HOME": home, "MLFLOW_TRACKING_URI": tracking_uri,
                         "PYTHONPATH": ROOT}  # fmt: skip
        self.store = ModelStore(tracking_uri, home / "mlartifacts")

    def start(self):
        self.server.start()
        self.worker = self.server.start_worker(POOL, **self.settings)

    def crash(self):
        kill_group(self.worker)
        self.server.kill()

    def deploy(self):
        request = self.server.request
        deadline = time.monotonic() + 60
        while POOL not in [pool["name"] for pool in request("POST", "/work_pools/filter", json={})]:
            assert time.monotonic() < deadline, "the worker made no pool"
            time.sleep(0.2)
        flow = request("POST", "/flows/", json={"name": "approval-test"})
        content = {"name": "approval-test", "flow_id": flow["id"], "work_pool_name": POOL,
                   # A path would be copied for every run, with all that lies beside the code.
                   "pull_steps": [], "entrypoint": f"{ROOT}/tests/flows/approval_flow.py:run_from_file",
                   "enforce_parameter_schema": False}  # fmt: skip
        self.deployment = request("POST", "/deployments/", json=content)["id"]

    def run(self, path, requested_by):
        parameters = {"path": str(path), "requested_by": requested_by}
        made = self.server.request(
            "POST", f"/deployments/{self.deployment}/create_flow_run",
            json={"parameters": parameters},
        )  # fmt: skip
        return made["id"]

    def state_of(self, run):
        return self.server.request("GET", f"/flow_runs/{run}")["state"]

    def await_question(self, run, number):
        """Wait until the run is suspended for the given time; returns the question."""
        deadline = time.monotonic() + 300
        while True:
            state = self.server.await_state(run, {"PAUSED", "COMPLETED", "FAILED", "CRASHED"}, 300)
            details = state["state"]["state_details"]
            assert state["state_type"] == "PAUSED", state
            if details["pause_key"].endswith(f"-{number}"):
                keys = details["run_input_keyset"]
                break
            assert time.monotonic() < deadline, details
            time.sleep(0.3)
        while True:  # the question is stored just after the state
            try:
                return self.server.request("GET", f"/flow_runs/{run}/input/{keys['description']}")
            except httpx.HTTPStatusError:
                assert time.monotonic() < deadline
                time.sleep(0.3)

    def resume(self, run, **answer):
        """Answer as the page does; a server that is just up again may have to be asked twice."""
        deadline = time.monotonic() + 60
        while True:
            try:
                return self.server.request(
                    "POST", f"/flow_runs/{run}/resume", json={"run_input": answer}
                )
            except httpx.HTTPStatusError as error:
                if error.response.status_code != 503 or time.monotonic() > deadline:
                    raise
                time.sleep(0.3)

    def artifact(self, run, key):
        found = self.server.request(
            "POST", "/artifacts/filter",
            json={"artifacts": {"flow_run_id": {"any_": [run]}, "key": {"any_": [key]}},
                  "sort": "UPDATED_DESC"},
        )  # fmt: skip
        return found[0]["data"]

    def pawl(self, *arguments):
        """Run a command in a terminal that knows the server."""
        command = [sys.executable, "-m", "flows.cli", *map(str, arguments)]
        environment = self.server.environment(**self.settings)
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout

    def computed(self):
        """What the steps' cache holds, with the moment each was written."""
        cache = self.home / "cache"
        return {p.relative_to(cache): p.stat().st_mtime_ns for p in cache.rglob("step.json")}


@pytest.fixture
def lifecycle_with_approval(tmp_path):
    """Write the demo, cut down, with rules of approval; returns its path."""

    def write(model_name, **approval):
        demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
        demo |= {"quantizations": [], "name": model_name, "guard_tasks": []}
        demo["evaluation"]["beside_constrained"] = False
        demo["data"] |= {"train_documents": 12, "validation_documents": 2, "test_documents": 12}
        demo["lora"] |= {"epochs": 1, "checkpoints": 1}
        demo["gate"] = {"candidates": ["fine-tuned"], "resamples": 1000, "min_clusters": 5,
                        "comparisons": [{"metric": "micro_f1", "margin": 0.5}],
                        "preflight": {"action": "warn"},
                        "readable_references": {"action": "warn"}, "approval": approval}  # fmt: skip
        demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
        demo["registry"]["model_name"] = model_name
        path = tmp_path / f"{model_name}.yaml"
        path.write_text(yaml.safe_dump(demo))
        return path

    return write


@pytest.fixture(scope="module")
def lifecycles(migrated_prefect, migrated_database, tmp_path_factory):
    """One for all tests here, which so train once."""
    directory = tmp_path_factory.mktemp("approval")
    shutil.copy(migrated_database, directory / "mlflow.db")
    copy_of_migrated(migrated_prefect, directory / "prefect")
    server = PrefectServer(directory / "prefect")
    made = Lifecycles(server, directory / "home", f"sqlite:///{directory / 'mlflow.db'}")
    try:
        made.start()
        made.deploy()
        yield made
    finally:
        server.close()


def said(store, model):
    return [(line.kind, line.actor, line.took_effect) for line in audit_trail(store, model)]


def test_a_suspended_run_survives_a_crash_of_everything_and_needs_another_person(
    lifecycles, lifecycle_with_approval
):
    store = lifecycles.store
    run = lifecycles.run(lifecycle_with_approval("notes", expires_hours=1), "Ada")
    question = lifecycles.await_question(run, 0)
    assert "Make notes version 1 champion?" in question
    assert "1 more approval is needed, by anybody but whoever asked" in question
    assert store.alias("notes", "champion") is None
    assert store.alias("notes", "challenger") == 1
    computed = lifecycles.computed()

    lifecycles.crash()
    lifecycles.start()
    assert lifecycles.state_of(run)["name"] == "Suspended"
    refused = lifecycles.resume(run, verdict="perhaps", your_name="Grace", reason="?")
    assert refused["status"] == "REJECT"
    assert lifecycles.resume(run, **ANSWER | {"your_name": "ada"})["status"] == "ACCEPT"
    question = lifecycles.await_question(run, 1)
    assert "Your last answer did not count: ada asked for this run" in question
    assert "did not count: ada asked for this run" in lifecycles.artifact(run, "approval")
    assert store.alias("notes", "champion") is None

    assert lifecycles.resume(run, **ANSWER)["status"] == "ACCEPT"
    final = lifecycles.server.await_state(run, {"COMPLETED", "FAILED", "CRASHED"}, 300)
    assert final["state_type"] == "COMPLETED", final["state"]
    assert lifecycles.computed() == computed
    assert store.alias("notes", "champion") == 1
    assert store.alias("notes", "challenger") is None
    assert said(store, "notes") == [
        ("decision", "gate", True), ("request", "Ada", True), ("approve", "ada", False),
        ("approve", "Grace", True), ("attempt", "Ada", True), ("promote", "Ada", True),
    ]  # fmt: skip
    assert audit_trail(store, "notes")[-1].what.endswith("; approved by Grace")
    assert (lifecycles.home / "pins" / "notes.yaml").exists()
    automations = lifecycles.server.request("POST", "/automations/filter", json={})
    assert not [a for a in automations if run in a["name"]]


def test_a_run_that_nobody_answers_ends_by_itself_and_changes_nothing(
    lifecycles, lifecycle_with_approval
):
    path = lifecycle_with_approval("letters", expires_hours=20 / 3600)
    run = lifecycles.run(path, "Ada")
    final = lifecycles.server.await_state(run, {"COMPLETED", "FAILED", "CRASHED"}, 400)
    assert final["state_type"] == "COMPLETED", final["state"]
    assert lifecycles.artifact(run, "approval").startswith("## Approval expired: letters version 1")
    assert lifecycles.store.alias("letters", "champion") is None
    assert said(lifecycles.store, "letters") == [
        ("decision", "gate", True),
        ("request", "Ada", True),
    ]


def test_an_approval_in_a_terminal_lets_the_waiting_run_end(lifecycles, lifecycle_with_approval):
    run = lifecycles.run(lifecycle_with_approval("memos", expires_hours=1), "Ada")
    lifecycles.await_question(run, 0)
    printed = lifecycles.pawl("approve", "memos", 1, "--actor", "Grace", "--reason", "fine")
    assert "memos version 1 is now champion" in printed
    assert "The run that waited for this goes on." in printed
    final = lifecycles.server.await_state(run, {"COMPLETED", "FAILED", "CRASHED"}, 300)
    assert final["state_type"] == "COMPLETED", final["state"]
    assert lifecycles.store.alias("memos", "champion") == 1
    assert (lifecycles.home / "pins" / "memos.yaml").exists()
    assert [kind for kind, _, _ in said(lifecycles.store, "memos")].count("promote") == 1
