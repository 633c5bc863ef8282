import secrets

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from flows.watching import follow_up as following_up
from flows.watching.follow_up import ATTEMPTS, key_of, ledger_now_ms, to_follow_up
from registry.claims import claim
from registry.releases import Release, latest_release, note_release


def follow_up(store, grace_s, pending_limit_s=600):
    return following_up.follow_up(store, grace_s, pending_limit_s)


@pytest.fixture
def prefect(prefect_server, monkeypatch):
    monkeypatch.setattr(following_up, "DEPLOYMENT", f"re-evaluate/{secrets.token_hex(4)}")
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield prefect_server


@pytest.fixture
def deployment(prefect):
    flow = prefect.request("POST", "/flows/", json={"name": "re-evaluate"})
    name = following_up.DEPLOYMENT.partition("/")[2]
    made = {"name": name, "flow_id": flow["id"], "enforce_parameter_schema": False}
    return prefect.request("POST", "/deployments/", json=made)


@pytest.fixture
def release(store):
    seen = None
    for letter in "ab":
        digest = f"sha256:{letter * 64}"
        seen = note_release(
            store, "hf://org/a@main", f"hf://org/a@{letter}", digest, seen, seen is not None
        )
    return latest_release(store, "hf://org/a@main")


def runs(server, deployment):
    query = {"deployments": {"id": {"any_": [deployment["id"]]}}, "sort": "EXPECTED_START_TIME_ASC"}
    return server.request("POST", "/flow_runs/filter", json=query)


def put(server, run, state):
    body = {"state": {"type": state, "message": "as the test wants"}, "force": True}
    server.request("POST", f"/flow_runs/{run['id']}/set_state", json=body)


def test_a_young_release_is_left_to_its_event(store, release, prefect, deployment):
    [done] = follow_up(store, grace_s=3600)
    assert (done.state, done.release) == ("waiting", release)
    assert not runs(prefect, deployment)


def test_a_release_that_nobody_took_is_started_once_however_often_it_is_looked_at(
    store, release, prefect, deployment
):
    assert [follow_up(store, 0)[0].state for _ in range(3)] == ["started"] * 3
    [run] = runs(prefect, deployment)
    assert run["parameters"]["request"]["release_id"] == release.release_id
    assert run["parameters"]["request"]["digest"] == release.digest


def test_a_release_dated_in_the_future_is_started(store, release, prefect, deployment, monkeypatch):
    monkeypatch.setattr("flows.watching.follow_up.ledger_now_ms", lambda uri: 1)
    assert follow_up(store, grace_s=3600)[0].state == "started"


@pytest.mark.parametrize(
    "state", ["SCHEDULED", "PENDING", "RUNNING", "COMPLETED", "FAILED", "CANCELLED"]
)
def test_a_release_that_a_run_holds_is_in_hand(store, release, prefect, deployment, state):
    follow_up(store, 0)
    [run] = runs(prefect, deployment)
    claim(store, f"re-evaluate/{release.release_id}", run["id"])
    put(prefect, run, state)
    [done] = follow_up(store, 0)
    assert (done.state, done.text) == ("in hand", f"Run {run['name']} is {state.lower()}.")
    assert len(runs(prefect, deployment)) == 1


def test_a_run_that_crashed_with_the_release_in_hand_is_followed_by_another(
    store, release, prefect, deployment
):
    follow_up(store, 0)
    [run] = runs(prefect, deployment)
    claim(store, f"re-evaluate/{release.release_id}", run["id"])
    put(prefect, run, "CRASHED")
    assert [follow_up(store, 3600)[0].state for _ in range(2)] == ["started"] * 2
    assert len(runs(prefect, deployment)) == 2


@pytest.mark.parametrize("claimed", [True, False])
def test_a_run_that_a_worker_took_and_never_began_is_followed_by_another(
    store, release, prefect, deployment, claimed
):
    follow_up(store, 0)
    [run] = runs(prefect, deployment)
    if claimed:
        claim(store, f"re-evaluate/{release.release_id}", run["id"])
    put(prefect, run, "PENDING")
    follow_up(store, 0)
    assert len(runs(prefect, deployment)) == 1
    assert [follow_up(store, 0, pending_limit_s=-60)[0].state for _ in range(2)] == ["started"] * 2
    first, second = sorted(runs(prefect, deployment), key=lambda one: one["id"] != run["id"])
    assert (first["state_type"], second["state_type"]) == ("CRASHED", "SCHEDULED")
    assert first["state"]["message"].endswith("and it never began.")


def test_a_run_that_left_a_release_to_one_that_is_lost_is_followed_by_another(
    store, release, prefect, deployment
):
    """The event's run crashed, was picked up while a second run began, and crashed for good."""
    follow_up(store, 0)
    [gave_way] = runs(prefect, deployment)
    put(prefect, gave_way, "COMPLETED")
    made = {"parameters": {}}
    by_event = prefect.request(
        "POST", f"/deployments/{deployment['id']}/create_flow_run", json=made
    )
    claim(store, f"re-evaluate/{release.release_id}", by_event["id"])
    put(prefect, by_event, "CRASHED")
    assert [follow_up(store, 0)[0].state for _ in range(2)] == ["started"] * 2
    assert len(runs(prefect, deployment)) == 3


def test_a_run_that_a_person_cancelled_before_it_began_waits_for_a_person(
    store, release, prefect, deployment
):
    follow_up(store, 0)
    put(prefect, runs(prefect, deployment)[0], "CANCELLED")
    [done] = follow_up(store, 0)
    assert done.state == "in hand" and "was cancelled; run it again" in done.text
    assert len(runs(prefect, deployment)) == 1


def test_a_run_that_was_deleted_with_the_release_in_hand_is_followed_by_another(
    store, release, prefect, deployment
):
    follow_up(store, 0)
    [run] = runs(prefect, deployment)
    claim(store, f"re-evaluate/{release.release_id}", run["id"])
    prefect.request("DELETE", f"/flow_runs/{run['id']}")
    assert follow_up(store, 0)[0].state == "started"
    assert len(runs(prefect, deployment)) == 1


def test_runs_that_keep_coming_to_nothing_end_with_a_person(store, release, prefect, deployment):
    for number in range(1, ATTEMPTS + 1):
        assert follow_up(store, 0)[0].state == "started"
        started = runs(prefect, deployment)
        assert len(started) == number
        for run in started:
            put(prefect, run, "CRASHED")
    [done] = follow_up(store, 0)
    assert done.state == "failed"
    assert done.text.startswith(f"Expected a re-evaluation, but {ATTEMPTS} runs came to nothing")
    assert release.release_id in done.text
    assert len(runs(prefect, deployment)) == ATTEMPTS


def test_a_run_that_ended_well_without_holding_the_release_is_not_repeated(
    store, release, prefect, deployment
):
    follow_up(store, 0)
    put(prefect, runs(prefect, deployment)[0], "COMPLETED")
    [done] = follow_up(store, 0)
    assert done.state == "in hand" and done.text.endswith("ended: as the test wants")
    assert len(runs(prefect, deployment)) == 1


def test_without_the_deployment_it_is_said_how_to_get_it(store, release, prefect):
    [done] = follow_up(store, 0)
    assert done.state == "failed" and done.text.endswith("found none. Run `pawl deploy`.")


def test_where_nothing_was_released_nobody_is_asked(store):
    with temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}):
        assert follow_up(store, 0) == []


def entry(number, followed, announce=True):
    return Release(
        number=number, after=0, followed=followed, source=followed, digest="sha256:" + "a" * 64,
        announce=announce, token=f"{number:032x}",
    )  # fmt: skip


def test_only_the_latest_release_of_each_source_is_followed_up():
    entries = [
        entry(1, "x", False),
        entry(2, "y"),
        entry(3, "x"),
        entry(4, "x"),
        entry(5, "z", False),
    ]
    assert [one.number for one in to_follow_up(entries)] == [4, 2]


def test_attempts_have_keys_of_their_own():
    keys = {key_of(entry(number, "x"), attempt) for number in (1, 2) for attempt in (1, 2, 3)}
    assert len(keys) == 6


def test_the_clock_of_the_ledger_is_that_of_the_server(http_uri, monkeypatch):
    import time

    now = time.time()
    assert abs(ledger_now_ms(http_uri) / 1000 - now) < 60
    monkeypatch.setattr("flows.doctor.date_header.clock_ahead_s", lambda answer: 3600.0)
    assert ledger_now_ms(http_uri) / 1000 - now > 3500
    assert abs(ledger_now_ms("sqlite:///x") / 1000 - now) < 60


def test_a_server_that_does_not_tell_its_time_stops_nothing():
    import time

    assert abs(ledger_now_ms("http://127.0.0.1:9") / 1000 - time.time()) < 60
