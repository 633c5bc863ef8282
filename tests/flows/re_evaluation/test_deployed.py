"""`re-evaluate` as people, schedules and events start it: through a deployment and a worker."""

import secrets

import pytest
from prefect.deployments.runner import RunnerDeployment
from prefect.settings import PREFECT_API_URL, temporary_settings

from registry.confirmations import decided_evidence
from tests.servers.processes import kill_group

pytestmark = pytest.mark.takes_minutes


@pytest.fixture(scope="module")
def pool():
    return f"re-evaluate-{secrets.token_hex(3)}"


@pytest.fixture(scope="module")
def deployed(prefect_server, pool):
    """Id of a deployment of one's own."""
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        deployment = RunnerDeployment.from_entrypoint(
            "flows.deployed.re_evaluate.re_evaluate", name=pool, enforce_parameter_schema=True
        )
        prefect_server.request("POST", "/work_pools/", json={"name": pool, "type": "process"})
        return str(deployment.apply(work_pool_name=pool))


@pytest.fixture
def worker(prefect_server, pool, workplace):
    """Runs of the deployment work at the workplace."""
    process = prefect_server.start_worker(pool, PAWL_HOME=workplace.home)
    yield process
    kill_group(process)


def test_a_scheduled_run_where_nothing_changed_says_so(workplace, prefect_server, deployed, worker):
    workplace.champion()
    asked = {"parameters": {"request": {"reason": "age", "requested_by": "weekly schedule"}}}
    run = prefect_server.request("POST", f"/deployments/{deployed}/create_flow_run", json=asked)
    ended = prefect_server.await_state(run["id"], {"COMPLETED", "FAILED", "CRASHED"})
    assert (ended["state_type"], ended["state_name"]) == ("COMPLETED", "Unchanged"), ended["state"]
    assert "nothing was computed" in ended["state"]["message"]
    assert decided_evidence(workplace.store, "notes")[-1].outcome == "unchanged"


def test_a_request_that_the_form_would_not_send_is_refused_at_once(prefect_server, deployed):
    import httpx

    asked = {"parameters": {"request": {"reason": "boredom"}}}
    with pytest.raises(httpx.HTTPStatusError) as refused:
        prefect_server.request("POST", f"/deployments/{deployed}/create_flow_run", json=asked)
    assert refused.value.response.status_code == 409
    assert "boredom" in refused.value.response.text
