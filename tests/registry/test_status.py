import pytest

from configs.errors import RegistryError
from registry.alias_ledger import ledger_name
from registry.promotion import promote_version, record_challenger, register, rollback
from registry.status import model_status
from registry.store import ModelStore


@pytest.fixture
def client(store):
    from mlflow import MlflowClient

    return MlflowClient(store.tracking_uri, registry_uri=store.tracking_uri)


def test_champion_challenger_and_last_decision_are_shown(store, plan_of, model):
    promote_version(store, plan_of("one"))
    losing = plan_of("two", outcome="reject", promoted=None, reasons=("too many errors", "slow"))
    record_challenger(store, losing)
    [status] = model_status(store)
    assert (status.name, status.champion_version, status.challenger_version) == (model, 1, 2)
    assert (status.last_outcome, status.last_reason) == ("reject", "too many errors")
    assert status.last_decision_digest == losing.decision_digest
    assert status.last_change.startswith("promote by ada at 20")
    assert status.last_change.endswith("Z: micro_f1 is non-inferior")
    assert status.warnings == ()


def test_the_last_changes_are_shown_newest_first(store, plan_of, model):
    for number in range(5):
        promote_version(store, plan_of(f"weights {number}"))
    rollback(store, model, "champion", "grace", "worse in use")
    [status] = model_status(store)
    assert [change.number for change in status.changes] == [6, 5, 4, 3, 2]
    assert status.last_change.startswith("rollback by grace at ")
    assert status.champion_version == 4


@pytest.mark.parametrize("moved_to", [2, None])
def test_an_alias_moved_by_hand_is_warned_of(store, plan_of, model, client, moved_to):
    promote_version(store, plan_of("one"))
    register(store, plan_of("two"))
    if moved_to is None:
        client.delete_registered_model_alias(model, "champion")
    else:
        client.set_registered_model_alias(model, "champion", str(moved_to))
    [status] = model_status(store)
    assert status.champion_version == 1
    [warning] = status.warnings
    shown = "no version" if moved_to is None else "version 2"
    assert f"alias champion names {shown}, but the ledger says version 1" in warning
    assert f"`pawl pin {model}` repairs it" in warning
    assert store.alias(model, "champion") == moved_to


def test_a_damaged_ledger_is_reported_and_the_other_models_are_shown(store, plan_of, model, client):
    promote_version(store, plan_of("one"))
    promote_version(store, plan_of("two"))
    promote_version(store, plan_of("one", model=f"{model}-other"))
    client.delete_model_version(ledger_name(model, "champion"), "1")
    damaged, other = model_status(store)
    assert (damaged.name, damaged.champion_version, damaged.changes) == (model, None, ())
    assert damaged.last_outcome == "promote"
    [warning] = damaged.warnings
    assert "missing, changed or never was in effect" in warning
    assert (other.champion_version, other.warnings) == (1, ())


def test_a_model_without_champion_is_shown(store, plan_of, model):
    record_challenger(store, plan_of(outcome="inconclusive", promoted=None))
    [status] = model_status(store)
    assert (status.champion_version, status.challenger_version) == (None, 1)
    assert (status.last_change, status.last_outcome) == (None, "inconclusive")


def test_models_that_pawl_did_not_register_are_not_shown(store, plan_of, model):
    promote_version(store, plan_of())
    store.create_model("foreign")
    store.create_version("foreign", f"runs:/{store.start_run('foreign', {})}/model", {})
    assert [status.name for status in model_status(store)] == [model]


def test_status_of_an_empty_registry_is_empty(store):
    assert model_status(store) == []


def test_the_status_of_another_alias_follows_its_own_ledger(store, plan_of):
    promote_version(store, plan_of("one"))
    promote_version(store, plan_of("two", alias="canary"))
    [status] = model_status(store, "canary")
    assert (status.champion_version, status.warnings) == (2, ())


def test_an_unreachable_registry_is_an_error():
    with pytest.raises(RegistryError, match="unreachable while connecting"):
        model_status(ModelStore("http://127.0.0.1:9"))
