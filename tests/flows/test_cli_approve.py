"""Approvals and the audit trail in a terminal."""

import json
import shutil

import pytest

from registry.approval_requests import request_promotion
from registry.promotion import promote_version
from registry.store import ModelStore
from tests.registry.conftest import model, plan_of  # noqa: F401


@pytest.fixture
def waiting(pawl, migrated_database, tmp_path, plan_of, model):  # noqa: F811
    """A model whose version 1 waits for `approvals`; returns its store."""
    home = tmp_path / "home"
    home.mkdir()
    shutil.copy(migrated_database, home / "mlflow.db")
    store = ModelStore(f"sqlite:///{home / 'mlflow.db'}", home / "mlartifacts")

    def make(**approval):
        decision = {"outcome": "promote", "promoted": "awq", "policy": {"approval": approval}}
        request_promotion(store, plan_of(decision=decision), "00000000-0000-0000-0000-000000000001")
        return store

    return make


def test_the_last_approval_promotes_and_earlier_ones_wait(pawl, waiting, model):  # noqa: F811
    store = waiting(approvals=2)
    first = pawl("approve", model, 1, "--actor", "grace", "--reason", "fine")
    assert first.code == 0
    assert "Recorded. 1 more approval is needed, by anybody but whoever asked, until" in first.out
    second = pawl("approve", model, 1, "--actor", "edsger", "--reason", "fine")
    assert (second.code, second.out) == (0, f"{model} version 1 is now champion.\n")
    assert store.alias(model, "champion") == 1


def test_a_run_whose_model_lost_the_race_goes_on_at_once(
    pawl, waiting, plan_of, model, monkeypatch  # noqa: F811
):  # fmt: skip
    woken = []
    monkeypatch.setattr("flows.cli_approve._wake", woken.append)
    store = waiting()
    promote_version(store, plan_of("another"))
    printed = pawl("approve", model, 1, "--actor", "grace", "--reason", "fine")
    assert printed.code == 1
    assert "lost the race" in printed.err
    assert woken == ["00000000-0000-0000-0000-000000000001"]
    assert store.alias(model, "champion") == 2


def test_an_approval_that_does_not_count_says_why_and_exits_with_2(pawl, waiting, model):  # noqa: F811
    store = waiting()
    printed = pawl("approve", model, 1, "--actor", "ada", "--reason", "mine")
    assert printed.code == 2
    assert "it does not count: ada asked for this run, and someone else must" in printed.out
    assert store.alias(model, "champion") is None


def test_who_approves_without_a_name_is_the_user_who_is_logged_in(
    pawl, waiting, model, monkeypatch  # noqa: F811
):  # fmt: skip
    waiting()
    monkeypatch.setenv("LOGNAME", "ada")
    assert pawl("approve", model, 1, "--reason", "mine").code == 2


def test_a_refusal_is_final(pawl, waiting, model):  # noqa: F811
    waiting()
    printed = pawl("refuse", model, 1, "--actor", "grace", "--reason", "it invents drugs")
    assert printed.code == 0
    assert "is not promoted: grace rejected it: it invents drugs" in printed.out
    again = pawl("promote", model, 1, "--actor", "edsger", "--reason", "now")
    assert again.code == 1
    assert "got rejected: grace rejected it: it invents drugs" in again.err


def test_a_policy_that_asks_nobody_is_an_error_to_read(pawl, waiting, plan_of, model):  # noqa: F811
    from registry.promotion import register

    register(waiting(), plan_of("other"))
    printed = pawl("approve", model, 2, "--actor", "grace", "--reason", "fine")
    assert (printed.code, printed.err.count("\n")) == (1, 1)
    assert "asks nobody" in printed.err


def test_the_trail_is_a_table_for_people_and_json_for_programs(pawl, waiting, model):  # noqa: F811
    waiting()
    pawl("approve", model, 1, "--actor", "ada", "--reason", "[red]mine[/red]")
    pawl("approve", model, 1, "--actor", "grace", "--reason", "fine")
    table = pawl("audit", model)
    assert table.code == 0
    for said in ("[red]mine[/red]", "does not count", "promotion allowed", "approved by grace"):
        assert said in " ".join(table.out.replace("│", " ").split())
    lines = [json.loads(line) for line in pawl("audit", model, "--json").out.splitlines()]
    assert [line["kind"] for line in lines] == [
        "decision", "request", "approve", "approve", "attempt", "promote",
    ]  # fmt: skip
    assert lines[-1]["written"].endswith("Z")


def test_the_trail_of_an_unknown_model_names_it(pawl, waiting):
    waiting()
    printed = pawl("audit", "clinical-nodes")
    assert (printed.code, printed.out) == (1, "")
    assert "clinical-nodes: expected a registered model, found none" in printed.err
