"""Which revisions of followed weights have been noticed: an append-only ledger in MLflow.

The versions of one registered model are a log, totally ordered by MLflow. An entry takes effect only
if its `after` is the number of the entry of the same followed source that was in effect before it
(0 for none) and its digest is another. So of watchers that notice the same revision at once one
announces it, and a source that goes from A to B and back to A has three releases.

Does: append what was noticed, replay what is in effect. Does not: look at sources
(finetune/releases/), or act on a release (registry/claims.py says who does).
"""

from __future__ import annotations

from collections.abc import Iterable

from configs.strict_model import StrictModel
from registry.mlflow_runs import ARTIFACT_DIRECTORY
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.store import ModelStore

RELEASES_LEDGER = f"weights.releases{LEDGER_SUFFIX}"
RELEASES_TAG = "pawl.releases"
NONE_BEFORE = 0


class Release(StrictModel):
    """One revision of a followed source that took effect."""

    number: int
    """Position in the log, from 1."""
    followed: str
    """What is followed, such as hf://org/name@main."""
    source: str
    """The exact weights, such as hf://org/name@<commit>."""
    digest: str
    """Digest of their files: sha256:..."""
    after: int = NONE_BEFORE
    """Number of the release of the same source before it; 0 for the first observation."""
    previous_digest: str = ""
    """Digest of that one; empty for the first observation."""
    announced: bool = True
    """Whether it is news: False for what was there when following began."""
    noticed_ms: int = 0
    """When, by MLflow's clock: milliseconds since 1970."""

    @property
    def release_id(self) -> str:
        """The number as text, by which requests and events name the release."""
        return str(self.number)


def effective_releases(records: Iterable[VersionRecord]) -> list[Release]:
    """Entries that took effect, oldest first; pure.

    Args:
        records: entries of the ledger in any order; what Pawl did not write takes no effect.
    """
    heads: dict[str, Release] = {}
    effective: list[Release] = []
    for record in sorted(records, key=lambda record: record.version):
        tags = record.tags
        if not all(tags.get(name) for name in ("followed", "source", "digest", "after")):
            continue
        head = heads.get(tags["followed"])
        after = head.number if head else NONE_BEFORE
        if tags["after"] != str(after) or (head and head.digest == tags["digest"]):
            continue
        release = Release(
            number=record.version,
            followed=tags["followed"],
            source=tags["source"],
            digest=tags["digest"],
            after=after,
            previous_digest=head.digest if head else "",
            announced=tags.get("announced") == "yes",
            noticed_ms=record.created_ms,
        )
        heads[release.followed] = release
        effective.append(release)
    return effective


def releases_in_effect(store: ModelStore) -> list[Release]:
    """Every release, oldest first.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    return effective_releases(store.versions(RELEASES_LEDGER))


def find_release(store: ModelStore, release_id: str) -> Release | None:
    """The release of this id, or None.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    return next((r for r in releases_in_effect(store) if r.release_id == release_id), None)


def latest_release(store: ModelStore, followed: str) -> Release | None:
    """The latest release of a followed source, or None.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    found = [r for r in releases_in_effect(store) if r.followed == followed]
    return found[-1] if found else None


def record_release(
    store: ModelStore, followed: str, source: str, digest: str, *, announce_first: bool
) -> Release | None:
    """Append what was noticed, unless it is the latest already.

    Args:
        source: the exact weights.
        digest: of their files.
        announce_first: whether a first observation is news.
    Returns:
        The release, if this call or another at the same moment recorded this digest; None when the
        digest was the latest before, or another came first (look again at the next pass).
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    head = latest_release(store, followed)
    if head is not None and head.digest == digest:
        return None
    store.create_model(
        RELEASES_LEDGER, "Append-only ledger of weights that came out. Never delete."
    )
    run_id = _run(store)
    tags = {
        "followed": followed,
        "source": source,
        "digest": digest,
        "after": str(head.number if head else NONE_BEFORE),
        "announced": "yes" if head is not None or announce_first else "no",
    }
    store.create_version(
        RELEASES_LEDGER, f"runs:/{run_id}/{ARTIFACT_DIRECTORY}", tags, run_id=run_id
    )
    latest = latest_release(store, followed)
    return latest if latest is not None and latest.digest == digest else None


def _run(store: ModelStore) -> str:
    """The run that entries name as their source, which MLflow asks for."""
    run_id = store.tagged_run(RELEASES_TAG, RELEASES_LEDGER)
    if run_id is None:
        run_id = store.start_run(RELEASES_LEDGER, {RELEASES_TAG: RELEASES_LEDGER})
        store.end_run(run_id, "FINISHED")
    return run_id
