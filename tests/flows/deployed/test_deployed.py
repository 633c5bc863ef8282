"""Runs of deployments on a real server and worker: bad input ends in one clear message."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.load import SHIPPED
from flows.deployed.outcome import outcome_tag

REASON = {"reason": "a test", "requested_by": "Ada"}


@pytest.mark.parametrize(
    ("outcome", "tag"),
    [
        ("promote", "promoted"),
        ("reject", "rejected"),
        ("inconclusive", "inconclusive"),
        ("awaiting approval", "awaiting-approval"),
    ],
)
def test_the_tag_of_an_outcome_is_a_word_that_runs_are_filtered_by(outcome, tag):
    assert outcome_tag(outcome) == tag


def test_a_lifecycle_deleted_between_scheduling_and_run_fails_the_run_by_name(
    own_prefect_server, tmp_path
):
    server = own_prefect_server().start()
    (tmp_path / "lifecycles").mkdir()
    mine = tmp_path / "lifecycles" / "mine.yaml"
    shutil.copy(SHIPPED / "lifecycles" / "demo.yaml", mine)
    environment = server.environment(PAWL_HOME=tmp_path / "home", PAWL_CONFIGS=tmp_path)
    pawl = Path(sys.executable).with_name("pawl")
    done = subprocess.run(
        [pawl, "deploy", "--only", "lifecycle", "--pool", "training", "--no-automations"],
        cwd=tmp_path, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    deployment = server.request("GET", "/deployments/name/lifecycle/lifecycle")
    run = server.request(
        "POST",
        f"/deployments/{deployment['id']}/create_flow_run",
        json={"parameters": {"request": {"lifecycle": "mine"}}, "state": {"type": "SCHEDULED"}},
    )
    mine.unlink()
    server.start_worker("training")
    failed = server.await_state(run["id"], {"FAILED", "COMPLETED", "CRASHED"})
    assert failed["state_type"] == "FAILED"
    message = failed["state"]["message"]
    assert "ConfigError: mine: expected the path of a YAML file or one of demo, " in message
    assert "Traceback" not in (server.directory / "worker-0.log").read_text()


@pytest.fixture
def in_process(prefect_server, monkeypatch, tmp_path):
    """Flows called in this process, against the shared server and an empty registry."""
    monkeypatch.setenv("PAWL_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield


def test_promoting_and_rolling_back_what_does_not_exist_is_refused_by_name(
    in_process, migrated_database, tmp_path
):
    from configs.errors import RegistryError
    from flows.deployed.promote import promote
    from flows.deployed.rollback import rollback
    from flows.requests.promote import PromoteRequest
    from flows.requests.rollback import RollbackRequest

    shutil.copy(migrated_database, tmp_path / "mlflow.db")
    with pytest.raises(RegistryError, match="nowhere"):
        promote(PromoteRequest(model="nowhere", version=1, **REASON))
    with pytest.raises(RegistryError, match="rollback of nowhere"):
        rollback(RollbackRequest(model="nowhere", **REASON))
