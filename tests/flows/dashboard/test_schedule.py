from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from configs.errors import PrefectError
from flows.dashboard.schedule import read_schedule, schedule_of

MONDAY = datetime(2026, 11, 30, 6, tzinfo=UTC)


@contextmanager
def server_at(api_url, monkeypatch):
    """Prefect reads the environment once per process, so tests change its settings too."""
    monkeypatch.setenv("PREFECT_API_URL", api_url)
    with temporary_settings({PREFECT_API_URL: api_url, PREFECT_CLIENT_MAX_RETRIES: 0}):
        yield


def run_of(model, days):
    return {"request": {"model": model}}, MONDAY + timedelta(days=days)


def test_next_re_evaluation_is_the_earlier_of_a_models_own_and_everybodys():
    found = schedule_of(
        [run_of(None, 7), run_of("triage", 2), run_of("triage", 1), run_of("qa", 9)]
    )
    assert found.next_of("triage") == MONDAY + timedelta(days=1)
    assert found.next_of("qa") == MONDAY + timedelta(days=7)
    assert found.next_of("unheard-of") == MONDAY + timedelta(days=7)


def test_without_runs_nothing_is_next():
    assert schedule_of([]).next_of("triage") is None
    assert schedule_of([({}, MONDAY)]).next_of("triage") == MONDAY


def test_without_a_server_there_is_no_schedule(monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert read_schedule() is None


def test_scheduled_runs_of_a_real_server_are_found(prefect_server, monkeypatch):
    server = prefect_server
    flow = server.request("POST", "/flows/", json={"name": "scheduled-re-evaluation"})
    deployment = server.request(
        "POST", "/deployments/", json={"name": "scheduled-re-evaluation", "flow_id": flow["id"]}
    )
    soon = datetime.now(UTC) + timedelta(hours=5)
    server.request(
        "POST",
        f"/deployments/{deployment['id']}/create_flow_run",
        json={
            "parameters": {"request": {"model": "triage"}},
            "state": {"type": "SCHEDULED", "state_details": {"scheduled_time": soon.isoformat()}},
        },
    )
    with server_at(server.api_url, monkeypatch):
        found = read_schedule("scheduled-re-evaluation")
    assert abs(found.next_of("triage") - soon) < timedelta(seconds=1)
    assert found.of_all is None


def test_a_server_that_does_not_answer_is_named(monkeypatch):
    nowhere = "http://127.0.0.1:9/api"
    unreachable = pytest.raises(PrefectError, match=f"Prefect at {nowhere}: unreachable")
    with server_at(nowhere, monkeypatch), unreachable:
        read_schedule()
