"""Runs whose process vanished, on a real Prefect server; their heartbeats are played here."""

import dataclasses
import time
from uuid import uuid4

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations.apply import apply_automations
from flows.automations.declared import declared_automations
from tests.servers.postgresql import create_database
from tests.servers.prefect_server import PrefectServer

pytestmark = pytest.mark.takes_minutes
OURS = ("mark-vanished-runs", "pick-up-crashed-runs", "end-cancelling-runs")
WITHIN_S = 10
DEADLINE_S = 90


def quickened(declared):
    """The automation with ten seconds, the least, in place of two minutes."""
    content = dict(declared.content)
    if content["trigger"]["within"]:
        content["trigger"] = content["trigger"] | {"within": WITHIN_S}
    return dataclasses.replace(declared, content=content)


class Runs:
    """Runs of two deployments, of which one has the tag `pawl`; no worker takes them."""

    def __init__(self, server):
        self.server = server
        flow = server.request("POST", "/flows/", json={"name": "played"})["id"]
        self.deployments = {
            tag: server.request(
                "POST", "/deployments/", json={"name": tag, "flow_id": flow, "tags": [tag]}
            )["id"]
            for tag in ("pawl", "other")
        }

    def start(self, tag="pawl"):
        path = f"/deployments/{self.deployments[tag]}/create_flow_run"
        run = self.server.request("POST", path, json={"tags": [tag]})["id"]
        self.run_again(run)
        return run

    def run_again(self, run):
        for state in ("PENDING", "RUNNING"):
            self.set(run, state)

    def set(self, run, state, **more):
        body = {"state": {"type": state, **more}, "force": True}
        self.server.request("POST", f"/flow_runs/{run}/set_state", json=body)

    def beat(self, run, tag="pawl"):
        """As Prefect's engine does every 30 s."""
        event = {
            "id": str(uuid4()), "occurred": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "event": "prefect.flow-run.heartbeat", "payload": {},
            "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
            "related": [
                {"prefect.resource.id": f"prefect.tag.{tag}", "prefect.resource.role": "tag"}
            ],
        }  # fmt: skip
        self.server.request("POST", "/events", json=[event])

    def state(self, run):
        return self.server.request("GET", f"/flow_runs/{run}")["state"]

    def history(self, run):
        found = self.server.request("GET", "/flow_run_states/", params={"flow_run_id": run})
        return [state["name"] for state in sorted(found, key=lambda state: state["timestamp"])]


@pytest.fixture(scope="module")
def runs(postgresql_address, tmp_path_factory):
    """On PostgreSQL: on SQLite, Prefect gives up events whose handling met `database is locked`."""
    directory = tmp_path_factory.mktemp("crashed-runs")
    create_database(postgresql_address, "crashed_runs")
    url = f"postgresql+asyncpg://{postgresql_address}/crashed_runs"
    server = PrefectServer(directory, database_url=url)
    try:
        yield Runs(with_automations(server.start()))
    finally:
        server.close()


def with_automations(server):
    declared = [d for d in declared_automations() if d.path.stem in OURS]
    assert len(declared) == len(OURS)
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        apply_automations(declared=[quickened(one) for one in declared])
    return server


def test_what_vanished_is_picked_up_and_what_lives_or_waits_is_not(runs):
    alive, vanished, waiting = (runs.start() for _ in range(3))
    cancelling, foreign = runs.start(), runs.start("other")
    silent, ended = runs.start(), runs.start()
    runs.set(ended, "COMPLETED")
    for run in (alive, vanished, waiting, cancelling):
        runs.beat(run)
    runs.beat(foreign, "other")
    runs.set(waiting, "PAUSED", name="Suspended")
    runs.set(cancelling, "CANCELLING")
    deadline = time.monotonic() + DEADLINE_S
    while {runs.state(run)["name"] for run in (vanished, silent)} != {
        "AwaitingRetry"
    } or runs.state(cancelling)["type"] != "CANCELLED":
        assert time.monotonic() < deadline, [
            runs.history(run) for run in (vanished, silent, cancelling)
        ]
        runs.beat(alive)
        time.sleep(0.5)
    for run in (vanished, silent):
        assert runs.history(run)[-4:] == ["Pending", "Running", "Crashed", "AwaitingRetry"]
    assert runs.state(ended)["type"] == "COMPLETED"
    assert runs.state(alive)["type"] == "RUNNING"
    assert runs.state(waiting)["name"] == "Suspended"
    assert runs.state(foreign)["type"] == "RUNNING"
    assert "Crashed" not in runs.history(cancelling)


def test_a_run_that_kills_every_attempt_ends_after_the_fifth(runs):
    run = runs.start()
    for attempt in range(1, 5):
        runs.set(run, "CRASHED", message="killed")
        deadline = time.monotonic() + DEADLINE_S
        while runs.state(run)["name"] != "AwaitingRetry":
            assert time.monotonic() < deadline, f"attempt {attempt} was not picked up"
            time.sleep(0.2)
        runs.run_again(run)
    runs.set(run, "CRASHED", message="killed")
    witness = runs.start()  # crashed later and picked up: so the other was judged by then
    runs.set(witness, "CRASHED", message="killed")
    deadline = time.monotonic() + DEADLINE_S
    while runs.state(witness)["name"] != "AwaitingRetry":
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert runs.state(run)["type"] == "CRASHED"
