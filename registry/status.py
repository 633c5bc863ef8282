"""Models at a glance: champion, challenger, last decision, last changes, age of the evidence.

Does: read, and warn of what people should look into. Does not: change or repair anything, or find out
what evidence rests on now (it is told by a function).
"""

from __future__ import annotations

from collections.abc import Callable

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.alias_ledger import read_ledger
from registry.ledger import DamagedLedgerError, LedgerEntry, LedgerState
from registry.promotion import CHALLENGER
from registry.records import VersionRecord
from registry.staleness import Staleness
from registry.store import ModelStore

SHOWN_CHANGES = 5
EvidenceOf = Callable[[VersionRecord, LedgerState], Staleness]
"""Tells whether the evidence for a champion stands."""


class ModelStatus(StrictModel):
    """What there is to know about one model."""

    name: str
    champion_version: int | None
    challenger_version: int | None
    last_outcome: str | None
    """Outcome of the last registered decision."""
    last_decision_digest: str | None = None
    """Its digest."""
    last_reason: str | None = None
    """Its first reason, shortened."""
    last_change: str | None
    """Who changed the champion last, how, when and why."""
    changes: tuple[LedgerEntry, ...] = ()
    """The last changes that took effect, newest first."""
    evidence: Staleness | None = None
    """Age of the champion's evidence, and why it is stale; None without a champion, or if not asked."""
    warnings: tuple[str, ...]


def model_status(
    store: ModelStore, alias: str = "champion", evidence_of: EvidenceOf | None = None
) -> list[ModelStatus]:
    """Status of every model that Pawl registered, by name.

    Args:
        evidence_of: tells whether the evidence for a champion stands; None: that is not asked.
    Raises:
        RegistryError: when the registry is unreachable.
    """
    found = (_status(store, name, alias, evidence_of) for name in store.models())
    return [status for status in found if status is not None]


def _status(
    store: ModelStore, name: str, alias: str, evidence_of: EvidenceOf | None
) -> ModelStatus | None:
    versions = store.versions(name)
    ours = [version for version in versions if "weights_digest" in version.tags]
    if versions and not ours:
        return None
    shown = store.alias(name, alias)
    warnings = []
    try:
        state = read_ledger(store, name, alias)
    except DamagedLedgerError as error:
        state = LedgerState(head=None, effective=(), refused=())
        warnings.append(str(error))
    else:
        if shown != state.version:
            warnings.append(
                f"alias {alias} names {_named(shown)}, but the ledger says "
                f"{_named(state.version)}: someone moved it by hand, or a promotion was "
                f"interrupted; `pawl pin {name}` repairs it"
            )
    head, last = state.head, ours[-1].tags if ours else {}
    champion = next((version for version in ours if version.version == state.version), None)
    evidence = None
    if champion is not None and evidence_of is not None:
        try:
            evidence = evidence_of(champion, state)
        except RegistryError as error:
            warnings.append(f"whether its evidence stands is not known: {error}")
    return ModelStatus(
        name=name,
        champion_version=state.version,
        challenger_version=store.alias(name, CHALLENGER),
        last_outcome=last.get("decision_outcome"),
        last_decision_digest=last.get("decision_digest"),
        last_reason=last.get("decision_reason"),
        last_change=f"{head.kind} by {head.actor} at {head.written}: {head.reason}"
        if head
        else None,
        changes=tuple(reversed(state.effective[-SHOWN_CHANGES:])),
        evidence=evidence,
        warnings=tuple(warnings),
    )


def _named(version: int | None) -> str:
    return "no version" if version is None else f"version {version}"
