"""Releases of base weights: an append-only ledger in MLflow, in which every release is noted once.

The versions of the registered model `weights.releases.ledger` are a log, totally ordered by MLflow. An
entry takes effect only if its `after` is the number of the entry of the same source that was in effect
before it (0 for none) and its digest is another than that one's; of several written at the same moment,
the first wins. Weights that went and came back are a new release: entries are numbered.

Does: note releases, tell which are in effect. Does not: look at a source (finetune/releases/), or
delete an entry, ever.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from pydantic import Field, ValidationError

from configs.lifecycle import SHA256
from configs.strict_model import StrictModel
from registry.ledger import DamagedLedgerError
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.store import ModelStore

RELEASE_LEDGER = f"weights.releases{LEDGER_SUFFIX}"
FIRST = 0
TOKEN_CHARACTERS_SHOWN = 12


class Release(StrictModel):
    """One entry of the ledger."""

    number: int = Field(ge=1)
    """Position in the log, from 1; the version number in MLflow."""
    after: int = Field(ge=0)
    """Number of the entry of the same source that was in effect when this one was written; 0: none."""
    followed: str = Field(min_length=1)
    """Source as it is followed, such as `hf://org/name@main`."""
    source: str = Field(min_length=1)
    """Exact source, such as `hf://org/name@<commit>`; for a directory or a bucket as it is followed,
    and then only the digest tells which weights are meant."""
    digest: SHA256
    """Digest of the files that Pawl downloads from it."""
    previous: str = ""
    """Digest of the release before; empty for the first."""
    announce: bool
    """Whether champions are re-evaluated on it; not on what was there when a source was first seen."""
    token: str = Field(pattern=r"^[0-9a-f]{32}$")
    """Random mark by which a writer knows its own entry, even if a retry wrote it twice."""
    released_ms: int = Field(default=0, ge=0)
    """When it was noted, by MLflow's clock: milliseconds since 1970."""

    @property
    def release_id(self) -> str:
        """Name of the release: the entry's number, and part of its mark, for two registries may count
        alike."""
        return f"{self.number}-{self.token[:TOKEN_CHARACTERS_SHOWN]}"


def in_effect(records: Iterable[VersionRecord]) -> list[Release]:
    """The releases that took effect, of all sources, oldest first; pure.

    Args:
        records: entries of the ledger in any order. Foreign ones take no effect.
    Raises:
        DamagedLedgerError: when an entry on which another was written was deleted or changed.
    """
    latest: dict[str, Release] = {}
    effective: dict[int, Release] = {}
    for record in sorted(records, key=lambda record: record.version):
        release = _release(record)
        if release is None:
            continue
        head = latest.get(release.followed)
        if release.after != FIRST:
            before = effective.get(release.after)
            if before is None or before.followed != release.followed:
                raise DamagedLedgerError(
                    f"ledger {RELEASE_LEDGER}",
                    f"entry {release.number} was written on entry {release.after}, which is missing, "
                    "changed or never was in effect",
                    "Find out who edited the ledger, and restore it from a backup of MLflow's database.",
                )
        if head is not None and release.digest == head.digest:
            continue
        if release.after == (head.number if head else FIRST):
            effective[release.number] = latest[release.followed] = release
    return list(effective.values())


def _release(record: VersionRecord) -> Release | None:
    facts = {"number": record.version, "released_ms": record.created_ms}
    try:
        return Release.model_validate({**record.tags, **facts})
    except ValidationError:
        return None


def releases_in_effect(store: ModelStore) -> list[Release]:
    """Every release, of all sources, oldest first.

    Raises:
        DamagedLedgerError: as `in_effect`.
        RegistryError: when MLflow is unreachable.
    """
    return in_effect(store.versions(RELEASE_LEDGER))


def latest_release(store: ModelStore, followed: str) -> Release | None:
    """The release of a source that is in effect, or None.

    Raises:
        RegistryError: as `releases_in_effect`.
    """
    found = [one for one in releases_in_effect(store) if one.followed == followed]
    return found[-1] if found else None


def find_release(store: ModelStore, release_id: str) -> Release | None:
    """The release of this name, or None if there is none or it never took effect.

    Raises:
        RegistryError: as `releases_in_effect`.
    """
    return next((one for one in releases_in_effect(store) if one.release_id == release_id), None)


def note_release(
    store: ModelStore,
    followed: str,
    source: str,
    digest: str,
    seen: Release | None,
    announce: bool,
) -> Release | None:
    """Append a release, unless somebody noted another one in the meantime.

    Args:
        followed, source, digest, announce: as in `Release`.
        seen: `latest_release` as it was before the source was looked at. If another is in effect by now,
            this look may be older than the one that led to it, and is dropped.
    Returns:
        The release as it took effect; None if another watcher was quicker, or the digest is that of
        `seen`.
    Raises:
        RegistryError: as `releases_in_effect`.
    """
    token = uuid.uuid4().hex
    release = Release(
        number=1,
        after=seen.number if seen else FIRST,
        followed=followed,
        source=source,
        digest=digest,
        previous=seen.digest if seen else "",
        announce=announce,
        token=token,
    )
    tags = release.model_dump(mode="json", exclude={"number", "released_ms"})
    store.append_entry(
        RELEASE_LEDGER,
        "Append-only ledger of released weights",
        {name: str(value) for name, value in tags.items()},
    )
    return next((one for one in releases_in_effect(store) if one.token == token), None)
