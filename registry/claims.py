"""Who does a piece of work that must be done once: append-only claims in MLflow.

The versions of the registered model `<scope>.claims.ledger` are a log, totally ordered by MLflow. An
entry takes effect only if its `after` is the number of the entry of the same key that was in effect
before it (0 for none); of several written at the same moment, the first wins.

Does: claim a key, tell its holder, hand it from one named holder to another. Does not: know whether
a holder is still alive (flows asks Prefect), nor delete an entry, ever.
"""

from __future__ import annotations

from collections.abc import Iterable

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.store import ModelStore

UNCLAIMED = 0


class Claim(StrictModel):
    """The entry of a key that is in effect."""

    key: str
    """What is claimed, `scope/...`, such as `re-evaluate/<release>/<model>`."""
    holder: str
    """Who does the work, such as the id of a flow run."""
    number: int
    """Position in the log of the scope, from 1."""
    claimed_ms: int = 0
    """When, by MLflow's clock: milliseconds since 1970."""


def claims_ledger_name(key: str) -> str:
    """Name of the registered model whose versions are the claims of a key's scope.

    Raises:
        RegistryError: when the key is not `scope/...`.
    """
    scope, _, rest = key.partition("/")
    if not scope or not rest:
        raise RegistryError(f"claim {key!r}", "expected scope/..., got no scope", "Name a scope.")
    return f"{scope}.claims{LEDGER_SUFFIX}"


def holders_in_order(records: Iterable[VersionRecord], key: str) -> list[Claim]:
    """The claims of one key that took effect, oldest first; pure.

    Args:
        records: entries of the scope's ledger in any order; foreign ones take no effect.
    """
    effective: list[Claim] = []
    for record in sorted(records, key=lambda record: record.version):
        tags = record.tags
        head = effective[-1].number if effective else UNCLAIMED
        if tags.get("key") != key or tags.get("after") != str(head) or not tags.get("holder"):
            continue
        effective.append(
            Claim(
                key=key,
                holder=tags["holder"],
                number=record.version,
                claimed_ms=record.created_ms,
            )
        )
    return effective


def claim_of(store: ModelStore, key: str) -> Claim | None:
    """The claim of a key that is in effect, or None.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    claims = holders_in_order(store.versions(claims_ledger_name(key)), key)
    return claims[-1] if claims else None


def holder_of(store: ModelStore, key: str) -> str | None:
    """Who holds a key, or None.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    found = claim_of(store, key)
    return found.holder if found else None


def claim(store: ModelStore, key: str, holder: str) -> Claim:
    """Claim a key, unless someone holds it.

    Returns:
        The claim in effect: the caller has the key only if its `holder` is theirs. Claiming what one
        holds already appends nothing, so that this may be repeated after a lost answer.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    return claim_of(store, key) or _append(store, key, holder, UNCLAIMED)


def take_over(store: ModelStore, key: str, expected_holder: str, holder: str) -> Claim:
    """Compare-and-swap: hand a key over from a holder that will not finish.

    Args:
        expected_holder: who was seen to hold the key; if another does by now, nothing is changed.
    Returns:
        The claim in effect, as of `claim`: of several that take over at once, one gets the key.
    Raises:
        RegistryError: when nobody holds the key, or MLflow is unreachable.
    """
    seen = claim_of(store, key)
    if seen is None:
        raise RegistryError(
            f"claim {key}", f"expected holder {expected_holder}, got none", "Claim it instead."
        )
    if seen.holder != expected_holder or seen.holder == holder:
        return seen
    return _append(store, key, holder, seen.number)


def _append(store: ModelStore, key: str, holder: str, after: int) -> Claim:
    tags = {"key": key, "holder": holder, "after": str(after)}
    store.append_entry(claims_ledger_name(key), "Append-only ledger of who does what once", tags)
    found = claim_of(store, key)
    assert found is not None, "MLflow lists every version that it created"
    return found
