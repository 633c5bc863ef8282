"""Read and append the ledger of an alias in MLflow, and make the alias say what the ledger says.

Does: compare-and-swap an alias that MLflow can only overwrite. Does not: decide what takes effect
(registry/ledger.py), nor delete an entry, ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from pydantic import ValidationError

from configs.errors import RegistryError
from registry.ledger import DamagedLedgerError, LedgerEntry, LedgerState, replay
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.store import ModelStore

CONVERGENCE_ATTEMPTS = 10
RESTORE = "Find out who edited the ledger, and restore it from a backup of MLflow's database."
COLLISIONS = ("UniqueViolation", "UNIQUE constraint", "Duplicate entry")


def ledger_name(model: str, alias: str) -> str:
    """Name of the registered model whose versions are the ledger's entries."""
    return f"{model}.{alias}{LEDGER_SUFFIX}"


def read_ledger(store: ModelStore, model: str, alias: str) -> LedgerState:
    """The replayed ledger of an alias; empty when it has none.

    Raises:
        DamagedLedgerError: when an entry on which others were written was changed or deleted, or
            one names another version than it was written for. That the last entry was deleted does
            not show here, but in every pin made from it.
        RegistryError: when MLflow is unreachable.
    """
    name = ledger_name(model, alias)
    state = replay(_entries(store.versions(name)))
    if state.dangling:
        entry = state.dangling[0]
        raise DamagedLedgerError(
            f"ledger {name}",
            f"entry {entry.number} was written on entry {entry.head}, which is missing, changed or "
            "never was in effect",
            RESTORE,
        )
    return state


def read_champion(store: ModelStore, model: str, alias: str) -> VersionRecord | None:
    """Version that the ledger puts in production, whatever the alias says; None if there is none.

    Raises:
        RegistryError: as `read_ledger`.
    """
    version = read_ledger(store, model, alias).version
    return store.version(model, version) if version is not None else None


def _entries(versions: Iterable[VersionRecord]) -> Iterator[LedgerEntry]:
    for record in versions:
        facts = {"number": record.version, "written_ms": record.created_ms}
        try:
            entry = LedgerEntry.model_validate({**record.tags, **facts})
        except ValidationError:
            # Not written by Pawl, or edited. It takes no effect; if it once had, later entries tell.
            continue
        if record.source.rpartition("/")[2] != str(entry.version):
            raise DamagedLedgerError(
                f"ledger {record.model}",
                f"entry {entry.number} was written for {record.source}, but now names version "
                f"{entry.version}",
                RESTORE,
            )
        yield entry


def append(store: ModelStore, model: str, alias: str, entry: LedgerEntry) -> LedgerEntry:
    """Append an entry and set the alias to the outcome.

    Args:
        entry: its number, token and time are given here, whatever they are.
    Returns:
        The entry as it took effect.
    Raises:
        RegistryError: when another entry came first (the race is lost, and the alias names the
            winner), or MLflow is unreachable.
    """
    name = ledger_name(model, alias)
    token = uuid.uuid4().hex
    facts = {**entry.model_dump(exclude={"number", "written_ms"}), "token": token}
    tags = {key: str(value) for key, value in facts.items()}
    try:
        store.append_entry(
            name,
            f"Append-only ledger of alias {alias} of {model}",
            tags,
            about=f"models:/{model}/{entry.version}",
        )
    except RegistryError as error:
        # A lost answer does not tell whether the entry was written: the ledger does.
        if _written(store, model, alias, token) is None:
            raise RegistryError(
                error.where, error.problem, "Look at `pawl status`, then try again."
            ) from error
    project(store, model, alias)
    if (written := _written(store, model, alias, token)) is None:
        raise RegistryError(
            f"{alias} of {model}",
            f"lost the race: another change came after ledger entry {entry.head}, on which this one "
            "was to follow",
            "Look at `pawl status`, and decide again on the new champion.",
        )
    return written


def _written(store: ModelStore, model: str, alias: str, token: str) -> LedgerEntry | None:
    return read_ledger(store, model, alias).took_effect(token)


def project(store: ModelStore, model: str, alias: str) -> int | None:
    """Make the alias name the version that the ledger says, whoever changed it.

    Returns:
        That version; None when there has been no promotion, and then the alias is removed.
    Raises:
        RegistryError: when others keep changing the alias.
    """
    for _ in range(CONVERGENCE_ATTEMPTS):
        wanted = read_ledger(store, model, alias).version
        if wanted == store.alias(model, alias):
            return wanted
        _set_or_delete(store, model, alias, wanted)
    raise RegistryError(
        f"alias {alias} of {model}",
        f"expected version {wanted} as the ledger says, but it does not stay so",
        "Find out who else sets it.",
    )


def _set_or_delete(store: ModelStore, model: str, alias: str, wanted: int | None) -> None:
    if wanted is None:
        store.delete_alias(model, alias)
        return
    try:
        store.set_alias(model, alias, wanted)
    except RegistryError as error:
        # Two first writers of an alias collide in the database; the loser only has to look again.
        if not any(sign in error.problem for sign in COLLISIONS):
            raise
