"""`pawl deploy` on a real server: again changes nothing, and what people switched stays."""

import uuid

import pytest
from prefect.settings import PREFECT_API_URL, PREFECT_UI_URL, temporary_settings

from configs.errors import ConfigError, PrefectError
from flows.deploy import pool as pools
from flows.deploy.apply import apply_deployments
from flows.deploy.declared import DeclaredSchedule, declared_deployments
from flows.deploy.pool import Pool
from flows.deploy.run_settings import LONG_RUNS
from flows.stack.gpu_placement import place

PROMOTE, WATCHING = (
    next(one for one in declared_deployments() if one.name == name)
    for name in ("promote", "watch-weights")
)


@pytest.fixture
def server(prefect_server, monkeypatch, tmp_path):
    """The shared server, with a pool and a limit of the test's own, deployed to from `tmp_path`."""
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    for name in ("PAWL_CONFIGS", "PAWL_DATA", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    unique = f"deploy-{uuid.uuid4().hex[:8]}"
    monkeypatch.setattr(pools, "GPU_LIMIT", unique)
    prefect_server.unique = unique
    addresses = {PREFECT_API_URL: prefect_server.api_url, PREFECT_UI_URL: prefect_server.url}
    with temporary_settings(addresses):
        yield prefect_server


def own(server, declared, **changes):
    """A declared deployment under a name that no other test uses, of the light flow `promote`."""
    changes = {"name": server.unique, "entrypoint": PROMOTE.entrypoint} | changes
    return declared.model_copy(update=changes)


def on_server(server):
    return server.request("GET", f"/deployments/name/promote/{server.unique}")


def test_tags_place_runs_on_gpus(server):
    tagged = own(server, PROMOTE, tags=["pawl", "gpu:h100:2"])
    apply_deployments([tagged], Pool(server.unique))
    made = on_server(server)
    placed = place(["gpu:h100:2"], "process")
    assert made["work_queue_name"] == placed.work_queue
    assert placed.job_variables.items() <= made["job_variables"].items()


@pytest.mark.parametrize("pool_type", ["docker", "kubernetes"])
def test_runs_in_containers_give_the_heartbeats_that_automations_wait_for(server, pool_type):
    apply_deployments([own(server, PROMOTE)], Pool(server.unique, pool_type))
    assert on_server(server)["job_variables"]["env"] == LONG_RUNS


def test_applied_twice_a_deployment_is_the_same_and_works_where_it_was_deployed(server, tmp_path):
    [first] = apply_deployments([own(server, PROMOTE)], Pool(server.unique))
    made = on_server(server)
    [second] = apply_deployments([own(server, PROMOTE)], Pool(server.unique))
    again = on_server(server)
    assert first == second
    assert first.form == f"{server.url}/deployments/deployment/{made['id']}/run"
    changing = ("updated", "last_polled", "status", "version_id", "version_info")
    assert {k: v for k, v in made.items() if k not in changing} == {
        k: v for k, v in again.items() if k not in changing
    }
    assert made["job_variables"]["env"]["PAWL_HOME"] == str(tmp_path / "home")
    [step] = made["pull_steps"]
    assert step["prefect.deployments.steps.set_working_directory"] == {"directory": str(tmp_path)}
    assert made["global_concurrency_limit"]["limit"] == 1
    assert made["concurrency_options"]["collision_strategy"] == "ENQUEUE"
    assert made["tags"] == ["pawl", "registry"]
    assert made["enforce_parameter_schema"]
    assert made["work_pool_name"] == server.unique


def test_a_value_out_of_range_is_refused_by_the_server_with_its_field(server):
    apply_deployments([own(server, PROMOTE)], Pool(server.unique))
    request = {"model": "m", "version": 0, "reason": "because", "requested_by": "Ada"}
    import httpx

    answer = httpx.post(
        f"{server.api_url}/deployments/{on_server(server)['id']}/create_flow_run",
        json={"parameters": {"request": request}},
        timeout=60,
    )
    assert answer.status_code == 409
    assert "'request.version'" in answer.text
    assert "0 is less than the minimum of 1" in answer.text


def test_a_schedule_that_a_person_switched_or_added_stays(server):
    watching = own(server, WATCHING)
    [deployed] = apply_deployments([watching], Pool(server.unique))
    assert deployed.schedules == {"every-five-minutes": False}
    [schedule] = on_server(server)["schedules"]
    path = f"/deployments/{on_server(server)['id']}/schedules"
    server.request("PATCH", f"{path}/{schedule['id']}", json={"active": True})
    added = {"schedule": {"cron": "0 1 * * *", "timezone": "UTC"}, "active": True}
    server.request("POST", path, json=[added])
    [deployed] = apply_deployments([watching], Pool(server.unique))
    assert deployed.schedules == {"every-five-minutes": True}
    found = {one["slug"]: one for one in on_server(server)["schedules"]}
    assert found.keys() == {"every-five-minutes", None}
    assert found["every-five-minutes"]["active"]
    assert found[None]["schedule"]["cron"] == "0 1 * * *"


def test_schedules_carry_their_own_parameters(server):
    parameters = {"request": {"model": "m", "version": 1, "reason": "r", "requested_by": "clock"}}
    nightly = DeclaredSchedule(
        slug="nightly", cron="0 3 * * *", parameters=parameters, active=False
    )
    apply_deployments([own(server, PROMOTE, schedules=(nightly,))], Pool(server.unique))
    [schedule] = on_server(server)["schedules"]
    assert schedule["parameters"] == parameters
    assert schedule["schedule"]["cron"] == "0 3 * * *"


def test_watching_is_on_from_the_start_where_something_is_followed(server, monkeypatch, tmp_path):
    monkeypatch.setattr("flows.deploy.apply.NEED_OWN_FILES", {server.unique: "follow"})
    monkeypatch.setenv("PAWL_CONFIGS", str(tmp_path))
    (tmp_path / "follow").mkdir()
    (tmp_path / "follow" / "mine.yaml").touch()
    [deployed] = apply_deployments([own(server, WATCHING)], Pool(server.unique))
    assert deployed.schedules == {"every-five-minutes": True}


def test_the_gpu_limit_is_made_with_one_slot_and_then_left_to_people(server):
    def slots():
        return server.request("GET", f"/v2/concurrency_limits/{server.unique}")["limit"]

    apply_deployments([], Pool(server.unique))
    assert slots() == 1
    apply_deployments([], Pool(server.unique), gpu_slots=4)
    apply_deployments([], Pool(server.unique))
    assert slots() == 4


def test_a_pool_of_another_type_is_refused(server):
    apply_deployments([], Pool(server.unique, "process", 3))
    assert server.request("GET", f"/work_pools/{server.unique}")["concurrency_limit"] == 3
    with pytest.raises(
        PrefectError, match=r"expected type docker, got process.*--pool-type process"
    ):
        apply_deployments([], Pool(server.unique, "docker"))


def test_a_flow_that_cannot_be_loaded_leaves_the_server_as_it_was(server):
    broken = own(server, PROMOTE, name="broken", entrypoint="flows.deployed.nowhere.nowhere")
    with pytest.raises(ConfigError, match="deployment broken: expected a flow at"):
        apply_deployments([own(server, PROMOTE), broken], Pool(server.unique))
    pools_there = server.request("POST", "/work_pools/filter", json={})
    assert server.unique not in [pool["name"] for pool in pools_there]


def test_a_server_that_is_not_there_is_one_clear_error(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(tmp_path))
    with (
        temporary_settings({PREFECT_API_URL: "http://127.0.0.1:9/api"}),
        pytest.raises(PrefectError, match="unreachable while applying deployments"),
    ):
        apply_deployments([PROMOTE], Pool("default"))
