"""Training in a deployment's run: cancelled, killed, and with its servers gone for a while."""

import time
from pathlib import Path

import psutil
import pytest

from finetune.train import last_whole_checkpoint

ROOT = Path(__file__).parents[2]
STEPS = 42
DEADLINE_S = 240
ORDERLY_S = 30
"""What Prefect grants a run that it cancels."""


class LongRuns:
    """A server, a worker and a deployment of `long_run`."""

    def __init__(self, server, home):
        self.server, self.home, self.pool = server, home, "long-runs"
        self.environment = {
            "PAWL_HOME": str(home), "OMP_NUM_THREADS": "1", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
            "PREFECT_CLIENT_MAX_RETRIES": "8",
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
        return [line["message"] for line in self.server.request("POST", "/logs/filter", json=wanted)]

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
def runs(own_prefect_server, tmp_path):
    """On a server of their own, with a worker."""
    runs = LongRuns(own_prefect_server().start(), tmp_path / "home")
    yield runs
    for process in runs.processes():
        process.kill()


def test_a_cancelled_training_stops_leaves_a_checkpoint_and_is_resumed(runs):
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
