"""A Prefect server with Pawl's automations, and a receiver of their messages."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import httpx
import pytest
import tenacity
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.automations.declared import declared_automations
from tests.servers.postgresql import create_database
from tests.servers.prefect_server import PrefectServer

WAIT_S = 90


def await_condition(condition, what, timeout_s=WAIT_S):
    """Wait until `condition()` is something true, and return it."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {timeout_s} s: {what}")


def event_of(name, resource, payload=None):
    """An event as POST /events takes it."""
    occurred = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    return {
        "id": str(uuid4()), "occurred": occurred, "event": name, "resource": resource,
        "payload": payload or {},
    }  # fmt: skip


class Receiver:
    """An HTTP server that keeps every message it gets."""

    def __init__(self):
        self.messages, self.headers, self.status = [], [], 200
        received = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                received.headers.append(dict(self.headers))
                received.messages.append(json.loads(body))
                self.send_response(received.status)
                self.end_headers()

            def log_message(self, *arguments):
                """Say nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def about(self, text):
        """Messages that contain a text."""
        return [m for m in list(self.messages) if text in str(m)]

    def await_about(self, text):
        """The first of them, waited for."""
        return await_condition(lambda: self.about(text), f"a message about {text}")[0]


@pytest.fixture(scope="session")
def server(postgresql_address, tmp_path_factory):
    """A server of these tests' own: its automations would meddle with the shared one.

    On PostgreSQL: on SQLite, when another writer holds its lock, Prefect evaluates an event again and
    may act twice on it.
    """
    create_database(postgresql_address, "automations")
    settings = {
        "PREFECT_UI_URL": "http://pawl.example:4200",
        "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "0.5",
    }
    server = PrefectServer(
        tmp_path_factory.mktemp("prefect-automations"),
        database_url=f"postgresql+asyncpg://{postgresql_address}/automations",
        settings=settings,
    )
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def connected(server, monkeypatch):
    """This process talks to the server."""
    for name in ("PAWL_NOTIFICATIONS", "PAWL_WEBHOOK_URL"):
        monkeypatch.delenv(name, raising=False)
    with temporary_settings({PREFECT_API_URL: server.api_url}):
        yield server


@pytest.fixture(scope="session")
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def deployment(server):
    """Make a deployment (of a flow that is never run) with the tag `pawl`; returns its id."""

    def make(flow, name=None, tags=("pawl",), **more):
        flow_id = post(server, "/flows/", {"name": flow})["id"]
        body = {"name": name or flow, "flow_id": flow_id, "tags": list(tags), **more}
        return post(server, "/deployments/", body)["id"]

    return make


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(httpx.HTTPStatusError),
    stop=tenacity.stop_after_attempt(5), wait=tenacity.wait_fixed(0.5), reraise=True,
)  # fmt: skip
def post(server, path, body):
    """Ask as Prefect's own client does, which tries again while SQLite is locked (503)."""
    return server.request("POST", path, json=body)


@pytest.fixture
def deployments_of_automations(deployment):
    """Make every deployment that a shipped automation runs; returns the id of each."""
    names = {name for declared in declared_automations() for name in declared.deployments}
    return {name: deployment(*name.split("/")) for name in names}


def set_state(server, run_id, state):
    """Lead a run into a state, whatever it is in; returns the id of the event that tells of it."""
    body = {"state": state, "force": True}
    return post(server, f"/flow_runs/{run_id}/set_state", body)["state"]["id"]


@pytest.fixture
def lead(server):
    """Lead a run into a state and wait until its event is known: SQLite's locks reorder quick ones."""

    def to(run_id, state):
        event = set_state(server, run_id, state)
        only = {"filter": {"id": {"id": [event]}}}
        await_condition(
            lambda: server.request("POST", "/events/filter", json=only)["events"], f"event {event}"
        )

    return to


@pytest.fixture
def run_of(server):
    """Make a run of a deployment and lead it through states; returns its id."""

    def make(deployment_id, *states, name=None):
        body = {"name": name, "state": {"type": "SCHEDULED"}} if name else {}
        run = post(server, f"/deployments/{deployment_id}/create_flow_run", body)
        for state in states:
            set_state(server, run["id"], state)
        return run["id"]

    return make
