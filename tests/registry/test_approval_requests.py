"""Approvals in real stores: every way to the alias goes through them."""

import json
import threading

import pytest

from configs.canonical_json import digest_json
from configs.errors import RegistryError
from registry.alias_ledger import read_champion, read_ledger
from registry.approval_ledger import append_approval, approval_ledger_name, read_approvals
from registry.approval_requests import (
    approval_standing,
    give_verdict,
    promote_approved,
    request_promotion,
)
from registry.approvals import ApprovalEntry
from registry.audit import audit_trail
from registry.evidence import DECISION_FILE, require_promote_decision
from registry.pins import pin_current_champion
from registry.promotion import promote_registered, promote_version, register, rollback

HOUR = 3_600_000


@pytest.fixture
def asking(plan_of):
    """The plan of a candidate whose decision's policy asks for approval."""

    def make(weights="weights 1", changes=None, **approval):
        rules = {"approvals": 1, "approvers": [], "four_eyes": True, "expires_hours": 72.0}
        decision = {"outcome": "promote", "promoted": "awq", "about": weights,
                    "policy": {"alpha": 0.05, "approval": rules | approval}}  # fmt: skip
        return plan_of(weights, decision=decision, **(changes or {}))

    return make


def test_a_version_becomes_champion_with_the_approval_of_another_person(
    contract_store, asking, model
):
    store = contract_store
    asked = request_promotion(store, asking(), "run-1")
    assert (asked.version, asked.moved, asked.awaiting_approval) == (1, False, True)
    assert asked.summary == (
        f"{model} version 1 passed the gate, is recorded as challenger and awaits approval; "
        "champion did not move."
    )
    assert store.alias(model, "challenger") == 1
    refused = give_verdict(store, model, 1, "champion", "approve", "Ada", "mine is good")
    assert refused.objection == "Ada asked for this run, and someone else must approve"
    with pytest.raises(RegistryError, match="got waiting: 1 more approval is needed"):
        promote_approved(store, model, 1, "champion")
    given = give_verdict(store, model, 1, "champion", "approve", " Grace ", "read ten notes")
    assert (given.objection, given.standing.status) == (None, "approved")
    promoted = promote_approved(store, model, 1, "champion")
    assert (promoted.version, promoted.moved) == (1, True)
    assert store.alias(model, "challenger") is None
    head = read_ledger(store, model, "champion").head
    assert (head.actor, head.reason) == ("ada", "micro_f1 is non-inferior; approved by Grace")
    require_promote_decision(store, store.version(model, 1))
    assert [(line.kind, line.actor, line.took_effect) for line in audit_trail(store, model)] == [
        ("decision", "gate", True), ("request", "ada", True), ("approve", "Ada", False),
        ("attempt", "ada", False), ("approve", "Grace", True), ("attempt", "ada", True),
        ("promote", "ada", True),
    ]  # fmt: skip


def test_no_way_to_the_alias_goes_round_the_approval(store, asking, model):
    request_promotion(store, asking(), "run-1")
    for attempt in (
        lambda: promote_version(store, asking()),
        lambda: promote_registered(store, model, 1, "champion", "mallory", "trust me"),
        lambda: promote_registered(store, model, 1, "other", "mallory", "trust me"),
        lambda: promote_approved(store, model, 1, "champion"),
    ):
        with pytest.raises(RegistryError, match="expected the approval that its decision asks for"):
            attempt()
    assert (store.alias(model, "champion"), store.alias(model, "other")) == (None, None)


def test_a_version_that_nobody_asked_for_says_what_to_do(store, asking, model):
    register(store, asking())
    with pytest.raises(RegistryError) as refused:
        promote_registered(store, model, 1, "champion", "grace", "fine")
    assert str(refused.value) == (
        f"approval of {model} version 1: expected the approval that its decision asks for, got "
        "not-asked: nobody has asked for approval; run its lifecycle again. "
        "Run its lifecycle again to ask anew."
    )


def test_what_is_written_past_the_check_cannot_be_pinned(store, asking, model):
    from registry.alias_ledger import append
    from registry.ledger import LedgerEntry

    request_promotion(store, asking(), "run-1")
    digest = asking().decision_digest
    forged = LedgerEntry(number=0, head=0, version=1, kind="promote", actor="mallory",
                         reason="trust me", decision_digest=digest)  # fmt: skip
    append(store, model, "champion", forged)
    with pytest.raises(RegistryError, match="expected a promotion with the approval"):
        pin_current_champion(store, model, "champion")


def test_dropping_the_approval_from_the_attached_decision_is_noticed(
    store, asking, model, tmp_path
):
    record = store.version(model, request_promotion(store, asking(), "run-1").version)
    decision = asking().decision | {"policy": {"alpha": 0.05, "approval": None}}
    (tmp_path / DECISION_FILE).write_text(json.dumps(decision))
    store.attach(record.run_id, [tmp_path / DECISION_FILE])
    with pytest.raises(RegistryError, match="expected digest sha256:"):
        promote_registered(store, model, 1, "champion", "mallory", "trust me")
    assert digest_json(decision) != record.tag("decision_digest")


def test_rules_of_approval_that_this_version_does_not_know_are_refused(store, asking, model):
    register(store, asking(quorum="two thirds"))
    with pytest.raises(RegistryError, match=r"quorum(?s:.*)Use the version of Pawl that made"):
        promote_registered(store, model, 1, "champion", "grace", "fine")


def test_a_rejection_is_final_and_the_champion_stays(store, asking, plan_of, model):
    promote_version(store, plan_of("one"))
    request_promotion(store, asking("two"), "run-1")
    give_verdict(store, model, 2, "champion", "reject", "grace", "it invents drugs")
    later = give_verdict(store, model, 2, "champion", "approve", "edsger", "it is fine")
    assert later.objection == "grace rejected it before"
    with pytest.raises(RegistryError, match=r"got rejected: grace rejected it: it invents drugs"):
        promote_registered(store, model, 2, "champion", "edsger", "now")
    assert store.alias(model, "champion") == 1


def test_an_approval_ends_by_mlflows_clock(store, asking, model):
    request_promotion(store, asking(expires_hours=1 / HOUR), "run-1")
    late = give_verdict(store, model, 1, "champion", "approve", "grace", "fine")
    assert late.standing.status == "expired"
    assert late.objection.startswith("the time for it ended at ")
    with pytest.raises(RegistryError, match=r"got expired: .* Run its lifecycle again to ask anew"):
        promote_registered(store, model, 1, "champion", "grace", "fine")


def test_the_same_run_asks_and_answers_once_however_often_it_is_repeated(store, asking, model):
    for _ in range(3):
        request_promotion(store, asking(), "run-1")
        give_verdict(store, model, 1, "champion", "approve", "ada", "mine", "run-1 answer-0")
    assert [entry.kind for entry in read_approvals(store, model)] == ["request", "approve"]
    request_promotion(store, asking(), "run-2")
    assert len(read_approvals(store, model)) == 3


def test_a_promotion_that_people_approved_loses_to_a_champion_that_came_meanwhile(
    store, asking, plan_of, model
):
    promote_version(store, plan_of("one"))
    request_promotion(store, asking("two", {"expected_head": 1}), "run-1")
    promote_version(store, plan_of("three"))
    give_verdict(store, model, 2, "champion", "approve", "grace", "fine")
    with pytest.raises(RegistryError, match="lost the race: another change came after"):
        promote_approved(store, model, 2, "champion")
    assert store.alias(model, "champion") == 3


def test_bytes_that_are_champion_already_need_nobody(store, asking, plan_of, model):
    promote_version(store, plan_of("one"))
    again = request_promotion(store, asking("one"), "run-1")
    assert (again.awaiting_approval, again.moved) == (False, False)
    assert read_approvals(store, model) == []


def test_a_rollback_asks_nobody_for_it_restores_what_was_approved(store, asking, plan_of, model):
    request_promotion(store, asking("one"), "run-1")
    give_verdict(store, model, 1, "champion", "approve", "grace", "fine")
    promote_approved(store, model, 1, "champion")
    promote_version(store, plan_of("two"))
    assert rollback(store, model, "champion", "ada", "worse").version == 1
    assert read_champion(store, model, "champion").version == 1
    kinds = [line.kind for line in audit_trail(store, model)]
    assert (kinds.count("promote"), kinds[-1]) == (2, "rollback")


def test_a_version_whose_policy_asks_nobody_takes_no_approval(store, plan_of, model):
    register(store, plan_of())
    with pytest.raises(RegistryError, match=r"asks nobody. `pawl promote` promotes it"):
        give_verdict(store, model, 1, "champion", "approve", "grace", "fine")
    with pytest.raises(RegistryError, match="asks nobody"):
        approval_standing(store, model, 1, "champion", 0)


@pytest.mark.parametrize(
    ("actor", "reason", "problem"),
    [("", "fine", "actor of a change"), ("grace", " ", "reason of a change"),
     ("grace", "x" * 2001, "expected at most 2000 characters, got 2001")],
)  # fmt: skip
def test_an_answer_without_name_or_reason_is_not_recorded(
    store, asking, model, actor, reason, problem
):
    request_promotion(store, asking(), "run-1")
    with pytest.raises(RegistryError, match=problem):
        give_verdict(store, model, 1, "champion", "approve", actor, reason)
    assert [entry.kind for entry in read_approvals(store, model)] == ["request"]


def test_the_longest_reason_is_kept_whole(contract_store, asking, model):
    request_promotion(contract_store, asking(), "run-1")
    given = give_verdict(contract_store, model, 1, "champion", "approve", "grace", "ü" * 2000)
    assert given.entry.reason == "ü" * 2000


def test_two_people_who_approve_at_the_same_moment_both_count(store, asking, model):
    request_promotion(store, asking(approvals=2), "run-1")
    threads = [
        threading.Thread(
            target=give_verdict, args=(store, model, 1, "champion", "approve", name, "fine")
        )
        for name in ("grace", "edsger")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stands = approval_standing(store, model, 1, "champion", 0)
    assert (stands.status, sorted(stands.approved_by)) == ("approved", ["edsger", "grace"])


def test_an_entry_moved_to_another_version_is_noticed(store, asking, model):
    from mlflow import MlflowClient

    request_promotion(store, asking(), "run-1")
    client = MlflowClient(store.tracking_uri)
    client.set_model_version_tag(approval_ledger_name(model), "1", "pawl.version", "2")
    with pytest.raises(
        RegistryError, match=r"was written for models:/.*/1, but now names version 2"
    ):
        read_approvals(store, model)


def test_what_pawl_did_not_write_is_no_entry(store, asking, model):
    request_promotion(store, asking(), "run-1")
    store.create_version(approval_ledger_name(model), f"models:/{model}/1", {"kind": "approve"})
    assert len(read_approvals(store, model)) == 1
    assert approval_ledger_name(model) not in store.models()


def test_the_trail_is_for_one_alias_and_tells_lost_races(store, plan_of, asking, model):
    promote_version(store, plan_of("one"))
    with pytest.raises(RegistryError, match="lost the race"):
        promote_version(store, plan_of("two", expected_head=0))
    entry = ApprovalEntry(number=0, kind="request", version=1, alias="canary", decision_digest="d",
                          weights_digest="w", actor="ada", reason="")  # fmt: skip
    append_approval(store, model, entry)
    lines = audit_trail(store, model)
    assert [(line.kind, line.took_effect) for line in lines] == [
        ("decision", True), ("promote", True), ("decision", True), ("promote", False),
    ]  # fmt: skip
    assert lines[-1].what.startswith("lost the race: ")
