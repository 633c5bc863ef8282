import json
import re
import urllib.parse
from pathlib import Path

import pytest

from configs.errors import RegistryError
from registry.alias_ledger import read_champion, read_ledger
from registry.evidence import DECISION_FILE
from registry.promotion import (
    promote_registered,
    promote_version,
    record_challenger,
    register,
    rollback,
)
from registry.records import TAG_PREFIX


def attached(store, record):
    """Path of the decision attached to a version of a local store."""
    from mlflow import MlflowClient

    uri = MlflowClient(store.tracking_uri).get_run(record.run_id).info.artifact_uri
    return Path(urllib.parse.unquote(urllib.parse.urlsplit(uri).path)) / "pawl" / DECISION_FILE


def head_of(store, model):
    return read_ledger(store, model, "champion").head_number


def test_a_promoted_candidate_is_registered_with_its_evidence_and_becomes_champion(
    contract_store, plan_of, model, tmp_path
):
    (tmp_path / "report.md").write_text("# Report")
    plan = plan_of(attachments=(tmp_path / "report.md",), score_table="| a |")
    promoted = promote_version(contract_store, plan)
    assert (promoted.version, promoted.moved, promoted.entry) == (1, True, 1)
    assert promoted.summary == f"{model} version 1 is now champion."
    champion = read_champion(contract_store, model, "champion")
    assert champion.lineage == plan.lineage
    assert champion.tag("decision_digest") == plan.decision_digest
    assert champion.weights_directory.parent == plan.kept_directory
    read = contract_store.read_attachment
    assert json.loads(read(champion.run_id, "decision.json")) == plan.decision
    assert read(champion.run_id, "report.md") == b"# Report"
    entry = read_ledger(contract_store, model, "champion").head
    assert (entry.actor, entry.reason) == ("ada", plan.reasons[0])
    assert entry.decision_digest == plan.decision_digest


def test_promotion_and_rollback_tell_who_and_why(contract_store, plan_of, model):
    promote_version(contract_store, plan_of("one"))
    second = promote_version(contract_store, plan_of("two"))
    assert second.summary == f"{model} version 2 is now champion instead of version 1."
    back = rollback(contract_store, model, "champion", "grace", "it invents drugs")
    assert (back.version, back.moved, back.entry) == (1, True, 3)
    assert "version 1 is champion again instead of version 2, rolled back by grace" in back.summary
    assert contract_store.alias(model, "champion") == 1
    head = read_ledger(contract_store, model, "champion").head
    assert (head.kind, head.actor, head.reason) == ("rollback", "grace", "it invents drugs")
    with pytest.raises(RegistryError) as nothing:
        rollback(contract_store, model, "champion", "grace", "and again")
    assert str(nothing.value) == (
        f"rollback of {model}: expected an earlier champion, found none. "
        "`pawl status` shows what there is."
    )
    assert promote_version(contract_store, plan_of("three")).entry == 4
    assert rollback(contract_store, model, "champion", "grace", "worse").version == 1


@pytest.mark.parametrize("outcome", ["reject", "inconclusive"])
def test_what_was_not_promoted_becomes_challenger_and_moves_nothing(store, plan_of, model, outcome):
    promote_version(store, plan_of("one"))
    recorded = record_challenger(store, plan_of("two", outcome=outcome, promoted=None))
    assert (recorded.version, recorded.moved, recorded.entry) == (2, False, None)
    assert f"recorded as challenger ({outcome}); champion did not move" in recorded.summary
    assert (store.alias(model, "champion"), store.alias(model, "challenger")) == (1, 2)
    assert head_of(store, model) == 1


@pytest.mark.parametrize(
    ("outcome", "promoted"),
    [("reject", None), ("inconclusive", None), ("reject", "awq"), ("promote", "fp8"), (None, None)],
)
def test_only_a_decision_that_promotes_this_very_candidate_does(
    store, plan_of, model, outcome, promoted
):
    plan = plan_of(outcome=outcome, promoted=promoted)
    with pytest.raises(RegistryError, match=f"promotes it, got {outcome!r} for {promoted!r}"):
        promote_version(store, plan)
    assert store.models() == []


def test_a_registered_challenger_cannot_be_promoted_by_number(store, plan_of, model):
    record_challenger(store, plan_of(outcome="inconclusive", promoted=None))
    with pytest.raises(RegistryError, match="expected promote for 'awq', got 'inconclusive'"):
        promote_registered(store, model, 1, "champion", "ada", "trust me")
    assert (store.alias(model, "champion"), head_of(store, model)) == (None, 0)


def test_a_registered_version_with_a_promote_decision_can_be_promoted_by_number(
    store, plan_of, model
):
    register(store, plan_of())
    promoted = promote_registered(store, model, 1, "champion", "ada", "canary was fine")
    assert (promoted.moved, store.alias(model, "champion")) == (True, 1)


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        (lambda text: text.replace("inconclusive", "promote"), "expected digest sha256:"),
        (lambda text: text + "not json", "got no JSON"),
    ],
)
def test_a_decision_edited_after_it_was_attached_is_refused(store, plan_of, model, edit, problem):
    record = register(store, plan_of(outcome="inconclusive"))
    decision = attached(store, record)
    decision.write_text(edit(decision.read_text()))
    with pytest.raises(RegistryError, match=problem) as refused:
        promote_registered(store, model, 1, "champion", "ada", "fine now")
    assert str(refused.value).endswith("Do not use this version.")
    assert store.alias(model, "champion") is None


def test_a_deleted_decision_is_refused(store, plan_of, model):
    attached(store, register(store, plan_of())).unlink()
    with pytest.raises(
        RegistryError, match=r"reading decision.json failed.* Look at `pawl status`"
    ):
        promote_registered(store, model, 1, "champion", "ada", "fine")
    assert store.alias(model, "champion") is None


def test_a_version_that_pawl_did_not_register_is_refused(store, model):
    store.create_model(model)
    store.create_version(model, f"runs:/{store.start_run('foreign', {})}/model", {})
    with pytest.raises(RegistryError, match=rf"expected tag {TAG_PREFIX}decision_digest, got none"):
        promote_registered(store, model, 1, "champion", "ada", "fine")


def test_the_same_weights_and_decision_are_one_version(store, plan_of, model):
    first = promote_version(store, plan_of())
    again = promote_version(store, plan_of())
    assert (again.version, again.moved, again.entry) == (1, False, first.entry)
    assert again.summary == f"{model} version 1 is already champion."
    assert len(store.versions(model)) == 1 == head_of(store, model)


def test_the_champions_own_bytes_under_another_decision_change_nothing(store, plan_of, model):
    first = promote_version(store, plan_of("one"))
    decision = {"outcome": "promote", "promoted": "awq", "about": "a later evaluation"}
    again = promote_version(store, plan_of("one", decision=decision))
    assert (again.version, again.moved, again.entry) == (1, False, first.entry)
    assert len(store.versions(model)) == 1 == head_of(store, model)


def test_other_weights_or_another_decision_are_another_version(store, plan_of, model):
    decision = {"outcome": "promote", "promoted": "awq", "about": "other examples"}
    plans = [plan_of("one"), plan_of("two"), plan_of("one", decision=decision)]
    assert [register(store, plan).version for plan in plans] == [1, 2, 3]


def test_promoting_a_champion_anew_repairs_an_alias_moved_by_hand(store, plan_of, model):
    promote_version(store, plan_of("one"))
    register(store, plan_of("two"))
    store.set_alias(model, "champion", 2)
    promote_version(store, plan_of("one"))
    assert store.alias(model, "champion") == 1


def test_incomplete_lineage_is_refused(store, plan_of):
    lineage = plan_of().lineage
    del lineage["data_digest"], lineage["base_digest"]
    expected = re.escape("expected lineage ['base_digest', 'data_digest'], got none. Run the")
    with pytest.raises(RegistryError, match=expected):
        promote_version(store, plan_of(lineage=lineage))
    assert store.models() == []


@pytest.mark.parametrize("blank", ["", " \n"])
def test_nobody_changes_the_champion_without_name_and_reason(store, plan_of, model, blank):
    promote_version(store, plan_of("one"))
    promote_version(store, plan_of("two"))
    register(store, plan_of("three"))
    for attempt in (
        lambda who, why: promote_version(store, plan_of("four", actor=who, reasons=(why,))),
        lambda who, why: promote_registered(store, model, 3, "champion", who, why),
        lambda who, why: rollback(store, model, "champion", who, why),
    ):
        with pytest.raises(
            RegistryError, match=r"actor of a change .* expected some text, got none"
        ):
            attempt(blank, "why")
        with pytest.raises(RegistryError, match=r"reason of a change .* expected some text"):
            attempt("ada", blank)
    assert (len(store.versions(model)), head_of(store, model)) == (3, 2)


def test_a_decision_made_against_a_champion_that_is_no_more_loses(store, plan_of, model):
    promote_version(store, plan_of("one", expected_head=0))
    with pytest.raises(
        RegistryError, match="lost the race: another change came after ledger entry 0"
    ):
        promote_version(store, plan_of("two", expected_head=0))
    assert (store.alias(model, "champion"), head_of(store, model)) == (1, 1)
    assert promote_version(store, plan_of("two", expected_head=1)).version == 2


def test_an_attached_decision_that_is_another_one_is_refused(store, plan_of, model, tmp_path):
    (tmp_path / DECISION_FILE).write_text('{"outcome": "promote"}')
    with pytest.raises(RegistryError, match="expected the decision with digest sha256:"):
        promote_version(store, plan_of(attachments=(tmp_path / DECISION_FILE,)))
    assert store.versions(model) == []


def test_a_missing_attachment_is_an_error_to_read(store, plan_of, model, tmp_path):
    with pytest.raises(RegistryError, match=r"attaching files failed.* Look at that path"):
        promote_version(store, plan_of(attachments=(tmp_path / "report.md",)))
    assert store.versions(model) == []


def test_the_alias_of_challengers_cannot_be_the_one_of_production(store, plan_of):
    plan = plan_of(alias="challenger", outcome="reject", promoted=None)
    with pytest.raises(RegistryError, match="expected an alias for production, got 'challenger'"):
        record_challenger(store, plan)


def test_a_rollback_without_any_promotion_says_so(store, model):
    with pytest.raises(RegistryError, match="expected an earlier champion, found none"):
        rollback(store, model, "champion", "ada", "why not")


def test_long_reasons_are_shortened_in_tags_but_whole_on_the_page(store, plan_of, model):
    plan = plan_of(reasons=("x" * 6000, "second"))
    promote_version(store, plan)
    assert len(read_champion(store, model, "champion").tag("decision_reason")) == 500
    assert plan.description == f"- {'x' * 6000}\n- second"
