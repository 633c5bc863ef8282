"""The contract of an alias's ledger, on every kind of store that MLflow has."""

import json
import time

import pytest

from configs.errors import RegistryError
from registry.alias_ledger import append, ledger_name, project, read_ledger
from registry.ledger import DamagedLedgerError, LedgerEntry
from registry.records import TAG_PREFIX


@pytest.fixture
def versions(contract_store, model):
    """A model with four versions."""
    contract_store.create_model(model)
    run_id = contract_store.start_run("versions", {})
    for _ in range(4):
        contract_store.create_version(model, f"runs:/{run_id}/pawl", {}, run_id=run_id)


@pytest.fixture
def promote(contract_store, versions, model):
    def append_entry(version, head, alias="champion", **changes):
        facts = {
            "number": 0, "head": head, "version": version, "kind": "promote",
            "actor": "ada", "reason": "better, 'quoted' & ünïcode", "decision_digest": "sha256:d",
        }  # fmt: skip
        return append(contract_store, model, alias, LedgerEntry(**facts | changes))

    return append_entry


def test_a_model_without_ledger_has_no_champion(contract_store, versions, model):
    state = read_ledger(contract_store, model, "champion")
    assert (state.head, state.effective) == (None, ())
    assert project(contract_store, model, "champion") is None


def test_changes_one_after_another_move_the_alias_and_are_all_kept(contract_store, promote, model):
    first = promote(2, head=0)
    second = promote(1, head=first.number)
    back = promote(2, second.number, kind="rollback", decision_digest="", restores=first.number)
    assert contract_store.alias(model, "champion") == 2
    state = read_ledger(contract_store, model, "champion")
    assert state.effective == (first, second, back)
    assert [entry.number for entry in state.effective] == [1, 2, 3]
    assert first.reason == "better, 'quoted' & ünïcode"
    assert first.written.startswith("20")


def test_a_change_on_an_old_head_loses_and_says_so(contract_store, promote, model):
    promote(1, head=0)
    with pytest.raises(RegistryError) as lost:
        promote(2, head=0)
    assert str(lost.value) == (
        f"champion of {model}: lost the race: another change came after ledger entry 0, on which "
        "this one was to follow. Look at `pawl status`, and decide again on the new champion."
    )
    assert contract_store.alias(model, "champion") == 1
    assert [entry.version for entry in read_ledger(contract_store, model, "champion").refused] == [
        2
    ]


def test_aliases_of_one_model_have_ledgers_of_their_own(contract_store, promote, model):
    promote(1, head=0)
    promote(2, head=0, alias="canary")
    assert contract_store.alias(model, "champion") == 1
    assert contract_store.alias(model, "canary") == 2


@pytest.fixture
def client(contract_uri):
    """MLflow, in the hands of someone who goes round Pawl."""
    from mlflow import MlflowClient

    return MlflowClient(contract_uri, registry_uri=contract_uri)


def test_an_alias_moved_by_hand_is_set_back(contract_store, promote, client, model):
    promote(1, head=0)
    client.set_registered_model_alias(model, "champion", "3")
    assert project(contract_store, model, "champion") == 1
    assert contract_store.alias(model, "champion") == 1


def test_an_alias_deleted_by_hand_is_set_again(contract_store, promote, client, model):
    promote(1, head=0)
    client.delete_registered_model_alias(model, "champion")
    assert contract_store.alias(model, "champion") is None
    assert project(contract_store, model, "champion") == 1
    assert contract_store.alias(model, "champion") == 1


def test_an_alias_set_by_hand_without_any_promotion_is_removed(
    contract_store, versions, client, model
):
    client.set_registered_model_alias(model, "champion", "3")
    assert project(contract_store, model, "champion") is None
    assert contract_store.alias(model, "champion") is None


def test_an_alias_that_does_not_stay_is_reported(contract_store, promote, model, monkeypatch):
    promote(1, head=0)
    contract_store.set_alias(model, "champion", 3)
    monkeypatch.setattr(type(contract_store), "set_alias", lambda *_: None)
    with pytest.raises(
        RegistryError, match=r"expected version 1 .* does not stay so\. Find out who"
    ):
        project(contract_store, model, "champion")


def test_a_deleted_entry_stops_every_change(contract_store, promote, client, model):
    promote(1, head=0)
    promote(2, head=1)
    client.delete_model_version(ledger_name(model, "champion"), "1")
    for attempt in (
        lambda: read_ledger(contract_store, model, "champion"),
        lambda: project(contract_store, model, "champion"),
        lambda: promote(3, head=2),
    ):
        with pytest.raises(DamagedLedgerError) as damage:
            attempt()
        assert "entry 1, which is missing, changed or never was in effect" in str(damage.value)
        assert "restore it from a backup" in str(damage.value)
    assert contract_store.alias(model, "champion") == 2


def test_an_edited_entry_is_noticed(contract_store, promote, client, model):
    promote(1, head=0)
    promote(2, head=1)
    client.set_model_version_tag(ledger_name(model, "champion"), "1", f"{TAG_PREFIX}head", "no")
    with pytest.raises(DamagedLedgerError, match="entry 1, which is missing, changed"):
        read_ledger(contract_store, model, "champion")


def test_an_entry_edited_to_name_another_version_is_noticed_even_when_it_is_the_last(
    contract_store, promote, client, model
):
    promote(1, head=0)
    client.set_model_version_tag(ledger_name(model, "champion"), "1", f"{TAG_PREFIX}version", "3")
    with pytest.raises(DamagedLedgerError, match=f"written for models:/{model}/1, but now names"):
        project(contract_store, model, "champion")
    assert contract_store.alias(model, "champion") == 1


def test_a_foreign_version_in_the_ledger_takes_no_effect(contract_store, promote, client, model):
    promote(1, head=0)
    client.create_model_version(ledger_name(model, "champion"), f"models:/{model}/3")
    assert read_ledger(contract_store, model, "champion").version == 1
    assert promote(2, head=1).number == 3


ROUNDS = 4


@pytest.fixture(scope="session")
def writers(start_writer):
    return [start_writer() for _ in range(4)]


def tell(writer, **what):
    writer.stdin.write(json.dumps(what) + "\n")


def test_racing_processes_leave_one_winner_and_every_entry(
    contract_store, contract_uri, versions, model, writers
):
    """Each round, four processes try to replace the same champion, each by another version."""
    won = []
    for _ in range(ROUNDS):
        head = read_ledger(contract_store, model, "champion").head_number
        at_s = time.time() + 0.3
        for version, writer in enumerate(writers, 1):
            facts = {"model": model, "head": head, "version": version, "at_s": at_s}
            tell(writer, uri=contract_uri, **facts)
        answers = [json.loads(writer.stdout.readline()) for writer in writers]
        winners = [answer for answer in answers if "number" in answer]
        assert len(winners) == 1, answers
        losers = [answer["error"] for answer in answers if "error" in answer]
        assert all("lost the race" in error for error in losers), losers
        assert contract_store.alias(model, "champion") == winners[0]["version"]
        won.append((winners[0]["number"], winners[0]["version"]))
    state = read_ledger(contract_store, model, "champion")
    assert [(entry.number, entry.version) for entry in state.effective] == won
    assert len(state.effective) + len(state.refused) == ROUNDS * len(writers)
    assert len({entry.token for entry in state.effective + state.refused}) == ROUNDS * len(writers)


def test_a_crash_before_the_alias_is_set_is_repaired_by_the_next_reader(
    contract_store, contract_uri, promote, model, start_writer
):
    promote(1, head=0)
    writer = start_writer()
    tell(writer, uri=contract_uri, model=model, head=1, version=2, crash=True)
    assert writer.wait(timeout=60) == 86
    assert contract_store.alias(model, "champion") == 1
    assert read_ledger(contract_store, model, "champion").version == 2
    assert project(contract_store, model, "champion") == 2
    assert contract_store.alias(model, "champion") == 2
    with pytest.raises(RegistryError, match="lost the race"):
        promote(3, head=1)
