"""Models at a glance: champion, challenger, last decision, last change."""

from __future__ import annotations

from configs.strict_model import StrictModel
from registry.promotion import CHALLENGER
from registry.store import ModelStore


class ModelStatus(StrictModel):
    """What there is to know about one model."""

    name: str
    champion_version: int | None
    challenger_version: int | None
    last_outcome: str | None
    """Outcome of the last registered decision."""
    last_change: str | None
    """Who changed the champion last, how and why."""
    warnings: tuple[str, ...]


def model_status(store: ModelStore, alias: str) -> list[ModelStatus]:
    """Status of every model that Pawl registered, by name.

    Raises:
        RegistryError: when the registry is unreachable.
    """
    return [_status(store, name, alias) for name in store.models()]


def _status(store: ModelStore, name: str, alias: str) -> ModelStatus:
    state = store.ledger(name, alias)
    shown = store.alias(name, alias)
    versions = store.versions(name)
    warnings = []
    if shown != state.version:
        warnings.append(
            f"alias {alias} names version {shown}, but the ledger says {state.version}: someone "
            f"moved it by hand, or a promotion was interrupted; `pawl pin {name}` repairs it"
        )
    head = state.head
    return ModelStatus(
        name=name,
        champion_version=state.version,
        challenger_version=store.alias(name, CHALLENGER),
        last_outcome=versions[-1].tags.get("decision_outcome") if versions else None,
        last_change=f"{head.kind} by {head.actor}: {head.reason}" if head else None,
        warnings=tuple(warnings),
    )
