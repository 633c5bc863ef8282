"""GPU slots on a real Prefect server: work waits for them, and they come back however it ends."""

import threading
import time

import pytest
from prefect import flow
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from configs.errors import PrefectError
from flows import gpu_slots
from flows.gpu_slots import gpu_slot, on_gpu

DEADLINE_S = 60


class Limit:
    """The limit of a test on the shared server."""

    def __init__(self, server, name):
        self.server, self.name = server, name

    def create(self, slots, **more):
        body = {"name": self.name, "limit": slots, **more}
        self.server.request("POST", "/v2/concurrency_limits/", json=body)

    @property
    def taken(self):
        return self.server.request("GET", f"/v2/concurrency_limits/{self.name}")["active_slots"]

    def await_taken(self, slots):
        deadline = time.monotonic() + DEADLINE_S
        while self.taken != slots:
            assert time.monotonic() < deadline, f"{self.taken} slots taken, expected {slots}"
            time.sleep(0.1)


@pytest.fixture
def limit(prefect_server, request, monkeypatch):
    name = f"gpu-{abs(hash(request.node.name))}"
    monkeypatch.setattr(gpu_slots, "GPU_LIMIT", name)
    with temporary_settings(
        {PREFECT_API_URL: prefect_server.api_url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    ):
        yield Limit(prefect_server, name)


def in_a_run(work):
    """Do the work inside a flow run."""
    return flow(work, name="gpu-slots")()


def test_slots_are_held_during_work_and_only_once_by_nested_work(limit):
    limit.create(1)

    def work():
        with gpu_slot():
            return on_gpu(lambda: limit.taken)()

    assert in_a_run(work) == 1
    limit.await_taken(0)


def test_a_failure_or_an_interruption_gives_the_slots_back(limit):
    limit.create(2)

    class Interrupted(BaseException):
        pass

    raised = []

    def fail():
        with gpu_slot(2):
            raise raised[-1]

    for error in (ValueError("no"), Interrupted()):
        raised.append(error)
        with pytest.raises(type(error)):
            in_a_run(fail)
        limit.await_taken(0)


def test_the_second_waits_for_the_first(limit):
    limit.create(1)
    release, order = threading.Event(), []

    def hold(name):
        with gpu_slot():
            order.append(name)
            if name == "first":
                release.wait(DEADLINE_S)

    settings = {PREFECT_API_URL: limit.server.api_url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}

    def run(name):
        with temporary_settings(settings):
            in_a_run(lambda: hold(name))

    threads = [threading.Thread(target=run, args=(name,)) for name in ("first", "second")]
    threads[0].start()
    limit.await_taken(1)
    threads[1].start()
    time.sleep(2)
    assert order == ["first"]
    release.set()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert order == ["first", "second"]
    limit.await_taken(0)


def test_without_the_limit_or_with_it_switched_off_nothing_waits(limit):
    def work():
        with gpu_slot(8):
            return "done"

    assert in_a_run(work) == "done"
    limit.create(0, active=False)
    assert in_a_run(work) == "done"


def test_more_slots_than_there_will_ever_be_are_refused(limit):
    limit.create(1)

    def work():
        with gpu_slot(4):
            return "never"

    with pytest.raises(PrefectError, match=r"expected at least the 4 slots .* got 1"):
        in_a_run(work)
    limit.await_taken(0)


def test_outside_a_run_no_server_is_asked():
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}), gpu_slot():
        pass
