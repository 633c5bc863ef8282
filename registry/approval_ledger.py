"""Read and append what people said about promotions, in MLflow, and insist on it before a promotion.

Does: keep entries as versions of the registered model `<model>.approvals.ledger`, which MLflow
numbers and dates; refuse a promotion that its own decision makes depend on people who did not agree.
Does not: judge entries (registry/approvals.py), nor delete one, ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from configs.approval import Approval
from configs.errors import RegistryError
from registry.approvals import ApprovalEntry, Standing, Subject, standing
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.store import ModelStore

RESTORE = "Find out who edited the ledger, and restore it from a backup of MLflow's database."


def approval_ledger_name(model: str) -> str:
    """Name of the registered model whose versions are the entries."""
    return f"{model}.approvals{LEDGER_SUFFIX}"


def policy_of(decision: Mapping[str, Any]) -> Approval | None:
    """Approval that the policy recorded in a decision asks for; None if it asks for none.

    Raises:
        RegistryError: when the decision asks in a form that this version of Pawl does not know.
    """
    policy = decision.get("policy") or {}
    asked = policy.get("approval")
    if asked is None:
        return None
    try:
        return Approval.model_validate(asked)
    except ValidationError as error:
        raise RegistryError(
            "approval in the decision's policy",
            f"expected rules of approval, got: {error}",
            "Use the version of Pawl that made the decision.",
        ) from error


def subject_of(record: VersionRecord, alias: str) -> Subject:
    """What approvals of a version for an alias are about."""
    return Subject(
        version=record.version,
        alias=alias,
        decision_digest=record.tag("decision_digest"),
        weights_digest=record.weights_digest,
    )


def read_approvals(store: ModelStore, model: str) -> list[ApprovalEntry]:
    """Every entry about a model, oldest first; what Pawl did not write is left out.

    Raises:
        RegistryError: when an entry names another version than it was written for, or MLflow is
            unreachable.
    """
    found = []
    for record in store.versions(approval_ledger_name(model)):
        facts = {"number": record.version, "written_ms": record.created_ms}
        try:
            entry = ApprovalEntry.model_validate({**record.tags, **facts})
        except ValidationError:
            continue
        if record.source != f"models:/{model}/{entry.version}":
            raise RegistryError(
                f"ledger {record.model}",
                f"entry {entry.number} was written for {record.source}, but now names version "
                f"{entry.version}",
                RESTORE,
            )
        found.append(entry)
    return found


def append_approval(
    store: ModelStore,
    model: str,
    entry: ApprovalEntry,
) -> ApprovalEntry:
    """Append an entry, or find the one that has its token already: a repeated call adds nothing.

    Args:
        entry: its number and time are given here, whatever they are; without a token it gets one.
    Returns:
        The entry as written.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    token = entry.token or uuid.uuid4().hex
    if entry.token and (known := _with_token(store, model, token)) is not None:
        return known
    facts = {**entry.model_dump(exclude={"number", "written_ms"}), "token": token}
    tags = {key: str(value) for key, value in facts.items()}
    store.append_entry(
        approval_ledger_name(model),
        f"Append-only ledger of approvals of {model}",
        tags,
        about=f"models:/{model}/{entry.version}",
    )
    written = _with_token(store, model, token)
    assert written is not None, "MLflow lists every version that it created"
    return written


def _with_token(store: ModelStore, model: str, token: str) -> ApprovalEntry | None:
    entries = read_approvals(store, model)
    return next((entry for entry in entries if entry.token == token), None)


def require_approval(
    store: ModelStore, record: VersionRecord, decision: Mapping[str, Any], alias: str, actor: str
) -> Standing | None:
    """Insist that the people whom a version's decision asks for have agreed by now.

    The attempt is entered in the ledger, which also tells the time by MLflow's clock.

    Args:
        decision: as attached to the version, its digest checked.
        actor: who promotes.
    Returns:
        Where the approval stands; None when the decision asks nobody.
    Raises:
        RegistryError: when they have not agreed, have rejected it, or their time is over.
    """
    policy = policy_of(decision)
    if policy is None:
        return None
    subject = subject_of(record, alias)
    attempt = ApprovalEntry(
        number=0, kind="attempt", actor=actor, reason=f"make it {alias}", **subject.model_dump()
    )
    attempt = append_approval(store, record.model, attempt)
    stands = standing_at(read_approvals(store, record.model), policy, subject, attempt)
    if stands.status != "approved":
        raise not_approved(record, stands)
    return stands


def standing_at(
    entries: list[ApprovalEntry], policy: Approval, subject: Subject, at: ApprovalEntry
) -> Standing:
    """Where an approval stood when an entry was written."""
    until = [entry for entry in entries if entry.number <= at.number]
    return standing(until, policy, subject, at.written_ms)


def require_past_approval(
    store: ModelStore, record: VersionRecord, decision: Mapping[str, Any]
) -> None:
    """Insist that a version was promoted, for some alias, with the approval its decision asks for.

    Raises:
        RegistryError: when no attempt to promote it was made with that approval.
    """
    policy = policy_of(decision)
    if policy is None:
        return
    entries = read_approvals(store, record.model)
    attempts = [
        entry
        for entry in entries
        if entry.kind == "attempt" and entry.subject == subject_of(record, entry.alias)
    ]
    if not any(standing_at(entries, policy, e.subject, e).status == "approved" for e in attempts):
        raise RegistryError(
            f"approval of {record.model} version {record.version}",
            "expected a promotion with the approval that its decision asks for, found none",
            "Do not use this version; `pawl audit` shows who changed what.",
        )


def not_approved(record: VersionRecord, stands: Standing) -> RegistryError:
    """The error of who would promote a version without the approval it needs."""
    action = {
        "waiting": f"`pawl approve {record.model} {record.version}` records an approval.",
        "rejected": "A rejection is final for this version.",
    }.get(stands.status, "Run its lifecycle again to ask anew.")
    return RegistryError(
        f"approval of {record.model} version {record.version}",
        f"expected the approval that its decision asks for, got {stands.status}: {stands.missing}",
        action,
    )
