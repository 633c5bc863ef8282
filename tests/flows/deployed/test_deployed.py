"""Runs of deployments on a real server and worker: bad input ends in one clear message."""

import shutil
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.canonical_json import digest_json
from configs.errors import RegistryError
from configs.named_files import SHIPPED
from flows.deployed.outcome import outcome_tag
from flows.deployed.promote import promote
from flows.deployed.rollback import rollback
from flows.home import model_store
from flows.requests.promote import PromoteRequest
from flows.requests.rollback import RollbackRequest
from registry.alias_ledger import read_ledger
from registry.promotion import PromotionPlan, register
from registry.records import LINEAGE_TAGS

WHY = {"reason": "a test", "requested_by": "Ada"}


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
def in_process(prefect_server, migrated_database, monkeypatch, tmp_path):
    """Flows called in this process, against the shared server and a registry of the test's own."""
    monkeypatch.setenv("PAWL_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    shutil.copy(migrated_database, tmp_path / "mlflow.db")
    with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
        yield prefect_server


def registered(store, directory, model, weights):
    """Register a version whose decision promotes it; returns its number."""
    (directory / weights).mkdir()
    (directory / weights / "model.safetensors").write_text(weights)
    recipe = {"name": weights}
    lineage = dict.fromkeys(LINEAGE_TAGS, weights) | {"config_digest": digest_json(recipe)}
    plan = PromotionPlan(
        model=model, alias="champion", candidate="awq", weights_directory=directory / weights,
        kept_directory=directory / "kept", lineage=lineage, recipe=recipe, metrics={},
        decision={"outcome": "promote", "promoted": "awq", "about": weights}, actor="gate",
        reasons=("holds",), attachments=(),
    )  # fmt: skip
    return register(store, plan).version


def test_the_champion_goes_forward_and_back_and_the_run_says_so(in_process, tmp_path):
    store, model = model_store(), f"forms-{uuid.uuid4().hex[:8]}"
    for weights in ("first", "second"):
        version = registered(store, tmp_path, model, weights)
        state = promote(PromoteRequest(model=model, version=version, **WHY), return_state=True)
        assert state.is_completed()
    assert state.message == f"{model} version 2 is now champion instead of version 1."
    state = rollback(RollbackRequest(model=model, **WHY), return_state=True)
    assert state.message == (
        f"{model} version 1 is champion again instead of version 2, rolled back by Ada: a test"
    )
    run = {"flow_run_id": {"any_": [str(state.state_details.flow_run_id)]}}
    query = {"artifacts": run}
    [artifact] = in_process.request("POST", "/artifacts/filter", json=query)
    assert artifact["key"] == "rollback"
    assert state.message in artifact["data"]
    assert read_ledger(store, model, "champion").version == 1


def test_promoting_and_rolling_back_what_does_not_exist_is_refused_by_name(in_process):
    with pytest.raises(RegistryError, match="nowhere"):
        promote(PromoteRequest(model="nowhere", version=1, **WHY))
    with pytest.raises(RegistryError, match="rollback of nowhere"):
        rollback(RollbackRequest(model="nowhere", **WHY))
