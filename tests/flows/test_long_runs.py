"""Training in a deployment's run: cancelled, killed, and with its servers gone for a while."""

import shutil
import time
from pathlib import Path

import psutil
import pytest

from finetune.checkpoints import last_whole_checkpoint
from tests.servers.mlflow_server import start_mlflow
from tests.servers.processes import free_port, kill_group

pytestmark = pytest.mark.takes_minutes
ROOT = Path(__file__).parents[2]
STEPS = 42
DEADLINE_S = 240
ORDERLY_S = 30
"""What Prefect grants a run that it cancels."""


class LongRuns:
    """A server, a worker and a deployment of `long_run`."""

    def __init__(self, server, home, **environment):
        self.server, self.home, self.pool = server, home, "long-runs"
        self.environment = {
            "PAWL_HOME": str(home), "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_CLIENT_MAX_RETRIES": "8", **environment,
        }  # fmt: skip
        flow = server.request("POST", "/flows/", json={"name": "long-run"})
        server.request("POST", "/work_pools/", json={"name": self.pool, "type": "process"})
        made = server.request(
            "POST", "/deployments/",
            json={
                "name": "long-run", "flow_id": flow["id"], "work_pool_name": self.pool,
                "entrypoint": "tests.flows.long_run.long_run", "tags": ["pawl"],
                "job_variables": {"env": self.environment, "working_dir": str(ROOT)},
            },
        )  # fmt: skip
        self.deployment = made["id"]

    def start_worker(self):
        return self.server.start_worker(self.pool, **self.environment)

    def start(self, **parameters):
        path = f"/deployments/{self.deployment}/create_flow_run"
        return self.server.request("POST", path, json={"parameters": parameters})["id"]

    def logs(self, run):
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return [
            line["message"] for line in self.server.request("POST", "/logs/filter", json=wanted)
        ]

    def steps_done(self, run):
        """Of the training, as its progress on the run's page says."""
        wanted = {"artifacts": {"flow_run_id": {"any_": [run]}, "type": {"any_": ["progress"]}}}
        shown = self.server.request("POST", "/artifacts/filter", json=wanted)
        for artifact in shown:
            for line in artifact["description"].splitlines():
                if line.startswith("| steps | "):
                    return int(line.split()[3].replace(",", ""))
        return 0

    def processes(self):
        """Everything that works for this home."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("PAWL_HOME") == str(self.home):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return [p for p in found if p.status() != psutil.STATUS_ZOMBIE]

    def trainings(self):
        return [p for p in self.processes() if "finetune.training_process" in p.cmdline()]

    def checkpoint(self):
        [scratch] = (self.home / "cache" / "unfinished").iterdir()
        return last_whole_checkpoint(scratch)


def wait_for(condition, what, timeout_s=DEADLINE_S):
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.2)
    return found


@pytest.fixture
def long_runs(own_prefect_server, tmp_path):
    """Make a server of its own with the deployment; arguments are environment variables of runs."""
    made = []

    def make(**environment):
        made.append(LongRuns(own_prefect_server().start(), tmp_path / "home", **environment))
        return made[-1]

    yield make
    for runs in made:
        for process in runs.processes():
            process.kill()


def test_a_cancelled_training_stops_leaves_a_checkpoint_and_is_resumed(long_runs):
    runs = long_runs()
    runs.start_worker()
    run = runs.start(steps=STEPS)
    wait_for(lambda: runs.steps_done(run), "progress")
    assert runs.trainings()
    state = {"state": {"type": "CANCELLING", "message": "Cancelled from the test."}}
    runs.server.request("POST", f"/flow_runs/{run}/set_state", json=state)
    asked = time.monotonic()
    wait_for(lambda: not runs.trainings(), "the end of the training process", ORDERLY_S)
    print(f"\ntraining ended {time.monotonic() - asked:.1f} s after the click")
    runs.server.await_state(run, {"CANCELLED"})
    print(f"run cancelled {time.monotonic() - asked:.1f} s after the click")
    assert len(runs.processes()) == 1, "only the worker may be left"
    stopped_at = runs.checkpoint().name
    again = runs.start(steps=STEPS)
    runs.server.await_state(again, {"COMPLETED"})
    assert f"training goes on from {stopped_at}" in runs.logs(again)
    assert runs.steps_done(again) == STEPS


class RestartableMlflow:
    """An MLflow server that keeps its port and its database."""

    def __init__(self, directory, migrated):
        directory.mkdir()
        shutil.copy(migrated, directory / "mlflow.db")
        self.directory, self.port = directory, free_port()
        self.database = f"sqlite:///{directory / 'mlflow.db'}"
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self):
        self.process = start_mlflow(self.directory, self.database, self.port)

    def kill(self):
        kill_group(self.process)

    def steps_with_a_loss(self):
        """Of the one run that there is."""
        from mlflow import MlflowClient

        client = MlflowClient(self.database)
        experiments = [found.experiment_id for found in client.search_experiments()]
        [run] = client.search_runs(experiments)
        assert run.info.status == "FINISHED"
        return [metric.step for metric in client.get_metric_history(run.info.run_id, "loss")]


@pytest.fixture
def mlflow(tmp_path, migrated_database):
    server = RestartableMlflow(tmp_path / "mlflow", migrated_database)
    server.start()
    yield server
    server.kill()


def test_a_training_outlives_restarts_of_prefect_and_mlflow(long_runs, mlflow):
    """Both are killed in its midst: it goes on, and in the end they know everything."""
    runs = long_runs(MLFLOW_TRACKING_URI=mlflow.uri)
    runs.start_worker()
    run = runs.start(steps=STEPS)
    wait_for(lambda: runs.steps_done(run) >= 2, "progress")
    [training] = runs.trainings()
    worked_s = training.cpu_times().user
    runs.server.kill()
    mlflow.kill()
    wait_for(lambda: not runs.trainings() or training.cpu_times().user > worked_s + 1, "work")
    runs.server.start()
    mlflow.start()
    runs.server.await_state(run, {"COMPLETED"})
    assert runs.steps_done(run) == STEPS
    assert sorted(mlflow.steps_with_a_loss()) == list(range(1, STEPS + 1))
