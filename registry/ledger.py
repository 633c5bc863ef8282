"""The append-only ledger of an alias, which gives MLflow a compare-and-swap.

Creating a model version in MLflow is atomic and totally ordered, so the versions of the registered
model `<model>.<alias>.ledger` are a log. An entry takes effect only if its `from` is the number of
the entry that was in effect before it; of several written on the same head, the first wins. Heads
are entries, not versions: a champion that went and came back is a new head (no ABA problem).

Does: replay entries into what is in effect; pure. Does not: talk to MLflow (registry/store.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.records import iso_time

EMPTY_HEAD = 0


class DamagedLedgerError(RegistryError):
    """Entries that were in effect have been changed or deleted, so the head cannot be trusted."""


class LedgerEntry(StrictModel):
    """One line of the ledger, written once and never changed."""

    number: int
    """Position in the log, from 1; the version number in MLflow."""
    head: int
    """Number of the entry in effect when this one was written; 0 for none."""
    version: int
    """Version of the model that the alias should name."""
    kind: Literal["promote", "rollback"]
    actor: str
    """Who."""
    reason: str
    """Why."""
    decision_digest: str
    """The decision that allows a promotion; empty for a rollback."""
    restores: int = EMPTY_HEAD
    """For a rollback: number of the promote entry it goes back to."""
    token: str = ""
    """Random mark by which a writer knows its own entry, even if a retry wrote it twice."""
    written_ms: int = Field(default=0, ge=0)
    """When, by MLflow's clock: milliseconds since 1970."""

    @property
    def written(self) -> str:
        """When, as ISO 8601 in UTC."""
        return iso_time(self.written_ms)


class LedgerState(StrictModel):
    """What a ledger says."""

    head: LedgerEntry | None
    """The entry in effect."""
    effective: tuple[LedgerEntry, ...]
    """Every entry that took effect, oldest first."""
    refused: tuple[LedgerEntry, ...]
    """Entries that lost a race or break a rule."""
    dangling: tuple[LedgerEntry, ...] = ()
    """Refused entries written on an earlier entry that is not, or no longer, one that took effect.

    Writers only ever write on the head, so these show that the head they saw was tampered with."""

    @property
    def head_number(self) -> int:
        """Number of the entry in effect; 0 for none."""
        return self.head.number if self.head else EMPTY_HEAD

    @property
    def version(self) -> int | None:
        """Version the alias must name; None when there has been no promotion."""
        return self.head.version if self.head else None

    @property
    def rollback_target(self) -> LedgerEntry | None:
        """The promotion before the one in effect, along the line that led to it.

        A rollback stands for the promotion it restored, so rolling back twice goes back twice.
        """
        promotions = {entry.number: entry for entry in self.effective if entry.kind == "promote"}
        standing = self._standing_promotion(self.head, promotions)
        if standing is None:
            return None
        before = next((e for e in self.effective if e.number == standing.head), None)
        return self._standing_promotion(before, promotions)

    def took_effect(self, token: str) -> LedgerEntry | None:
        """The entry with this token, if it took effect."""
        return next((entry for entry in self.effective if entry.token == token), None)

    @staticmethod
    def _standing_promotion(
        entry: LedgerEntry | None, promotions: dict[int, LedgerEntry]
    ) -> LedgerEntry | None:
        if entry is None:
            return None
        return entry if entry.kind == "promote" else promotions.get(entry.restores)


def replay(entries: Iterable[LedgerEntry]) -> LedgerState:
    """Replay entries in order of their numbers.

    An entry takes effect if it was written on the head then in effect, and is either a promotion
    that names a decision or a rollback to a promotion that took effect. The order in which they
    are given does not matter, nor does giving one twice.
    """
    effective: list[LedgerEntry] = []
    refused: list[LedgerEntry] = []
    by_number = {entry.number: entry for entry in entries}
    for _, entry in sorted(by_number.items()):
        head = effective[-1].number if effective else EMPTY_HEAD
        allowed = entry.head == head and _is_allowed(entry, effective)
        (effective if allowed else refused).append(entry)
    valid_heads = {EMPTY_HEAD, *(entry.number for entry in effective)}
    return LedgerState(
        head=effective[-1] if effective else None,
        effective=tuple(effective),
        refused=tuple(refused),
        dangling=tuple(e for e in refused if e.head < e.number and e.head not in valid_heads),
    )


def _is_allowed(entry: LedgerEntry, effective: list[LedgerEntry]) -> bool:
    if entry.kind == "promote":
        return bool(entry.decision_digest)
    return any(
        earlier.kind == "promote"
        and earlier.number == entry.restores
        and earlier.version == entry.version
        for earlier in effective
    )
