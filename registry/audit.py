"""One readable trail of everything that people and gates did about a model.

Does: put the ledgers of an alias and of approvals, and the registered decisions, in one order of
time; say of each line whether it took effect. Does not: change or repair anything.
"""

from __future__ import annotations

from typing import Literal

from configs.strict_model import StrictModel
from registry.alias_ledger import ledger_name, read_ledger
from registry.approval_ledger import policy_of, read_approvals, standing_at
from registry.approvals import ApprovalEntry
from registry.evidence import read_promote_decision
from registry.ledger import LedgerEntry
from registry.records import iso_time
from registry.store import ModelStore

Kind = Literal["decision", "request", "approve", "reject", "attempt", "promote", "rollback"]


class AuditLine(StrictModel):
    """One thing that happened."""

    written_ms: int
    """When, by MLflow's clock: milliseconds since 1970."""
    kind: Kind
    version: int
    actor: str
    """Who; `gate` for a decision."""
    what: str
    """What and why, one line."""
    took_effect: bool
    """False for what lost a race, does not count, or was refused."""
    source: str
    """Ledger or model, and number of the entry there."""

    @property
    def written(self) -> str:
        """When, as ISO 8601 in UTC."""
        return iso_time(self.written_ms)


def audit_trail(store: ModelStore, model: str, alias: str = "champion") -> list[AuditLine]:
    """Everything that happened to a model and one alias of it, oldest first.

    Raises:
        RegistryError: when a ledger was tampered with, or MLflow is unreachable.
    """
    # In the order in which things of the same millisecond happen: the sort keeps it.
    lines = [*_decisions(store, model), *_approvals(store, model, alias)]
    lines += _changes(store, model, alias)
    return sorted(lines, key=lambda line: line.written_ms)


def _decisions(store: ModelStore, model: str) -> list[AuditLine]:
    return [
        AuditLine(
            written_ms=record.created_ms,
            kind="decision",
            version=record.version,
            actor="gate",
            what=f"{record.tags.get('decision_outcome')}: {record.tags.get('decision_reason')}",
            took_effect=True,
            source=f"{model} version {record.version}",
        )
        for record in store.versions(model)
        if "decision_digest" in record.tags
    ]


def _changes(store: ModelStore, model: str, alias: str) -> list[AuditLine]:
    state = read_ledger(store, model, alias)

    def line(entry: LedgerEntry, took_effect: bool) -> AuditLine:
        return AuditLine(
            written_ms=entry.written_ms,
            kind=entry.kind,
            version=entry.version,
            actor=entry.actor,
            what=entry.reason if took_effect else f"lost the race: {entry.reason}",
            took_effect=took_effect,
            source=f"{ledger_name(model, alias)} entry {entry.number}",
        )

    return [line(e, True) for e in state.effective] + [line(e, False) for e in state.refused]


def _approvals(store: ModelStore, model: str, alias: str) -> list[AuditLine]:
    entries = read_approvals(store, model)
    mine = [entry for entry in entries if entry.alias == alias]
    policies = {
        version: policy_of(read_promote_decision(store, store.version(model, version)))
        for version in {entry.version for entry in mine}
    }
    lines = []
    for entry in mine:
        policy = policies[entry.version]
        if policy is None:
            what, took_effect = "its decision asks nobody", False
        else:
            stands = standing_at(entries, policy, entry.subject, entry)
            what, took_effect = _judged(entry, stands.status, stands.missing, stands.objections)
        lines.append(
            AuditLine(
                written_ms=entry.written_ms,
                kind=entry.kind,
                version=entry.version,
                actor=entry.actor,
                what=what,
                took_effect=took_effect,
                source=f"approvals of {model} entry {entry.number}",
            )
        )
    return lines


def _judged(
    entry: ApprovalEntry, status: str, missing: str, objections: dict[int, str]
) -> tuple[str, bool]:
    if entry.kind == "request":
        return f"asked for approval: {missing or 'it is there already'}", True
    if entry.kind == "attempt":
        allowed = status == "approved"
        return ("promotion allowed" if allowed else f"promotion refused: {missing}"), allowed
    if (objection := objections.get(entry.number)) is not None:
        return f"{entry.reason} (does not count: {objection})", False
    return entry.reason, True
