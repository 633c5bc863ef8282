"""One look at one source: what is there now, is it new, and if so, note and announce it.

Does: observe, compare with the ledger, append to it, emit the event. Does not: start re-evaluations
itself (flows/watching/follow_up.py).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal

from configs.followed_weights import FollowedSource
from finetune.releases.files import observe_files
from finetune.releases.hub import observe_hub
from finetune.releases.memory import recall, remember
from finetune.releases.observation import Observation, Revision, StillUploading
from finetune.releases.source_errors import scheme_of
from finetune.releases.stored_files import BucketFiles, DirectoryFiles
from finetune.weights import DOWNLOADED
from flows.home import home
from flows.release_events import announce_release
from flows.watching.registered_models import observe_registered
from registry.digests import FileDigest, Manifest
from registry.releases import Release, latest_release, note_release
from registry.store import ModelStore

logger = logging.getLogger(__name__)

State = Literal[
    "unchanged",
    "known",
    "released",
    "still uploading",
    "noted by another",
    "rate limited",
    "failed",
]


@dataclass(frozen=True)
class Look:
    """What a look came to."""

    followed: str
    state: State
    source: str = ""
    """Exact source that was found; empty if none was."""
    digest: str = ""
    text: str = ""
    """What is worth saying, one sentence; for a failure with the next action."""
    since_ms: int = 0
    """When the release that is in effect was noted, by MLflow's clock: milliseconds since 1970."""


def look_at(store: ModelStore, followed: FollowedSource) -> Look:
    """Look at a source once.

    Raises:
        SourceError: when it cannot be looked at.
        RegistryError: when MLflow is unreachable; then nothing was announced.
    """
    name = followed.source
    # Before looking: a release that another watcher notes meanwhile may be newer than what is seen here.
    seen = latest_release(store, name)
    if scheme_of(name) == "models":
        source, digest = observe_registered(store, name)
    else:
        observation = _observe(followed)
        if isinstance(observation, StillUploading):
            text = f"{observation.reason[:1].upper()}{observation.reason[1:]}; looked at again next time."
            return Look(name, "still uploading", text=text, since_ms=_noted(seen))
        source, digest = observation.source, digest_of(observation)
    if seen is not None and seen.digest == digest:
        text = "" if source == seen.source else "Another revision, with the same files of weights."
        return Look(name, "unchanged", source, digest, text, seen.released_ms)
    announce = seen is not None or followed.announce_first
    release = note_release(store, name, source, digest, seen, announce)
    if release is None:
        text = "Another watcher looked at the same time."
        return Look(name, "noted by another", source, digest, text)
    if not release.announce:
        text = "Seen for the first time; what comes after it is a release."
        return Look(name, "known", source, digest, text, release.released_ms)
    announce_release(release)
    text = f"Release {release.release_id}."
    return Look(name, "released", source, digest, text, release.released_ms)


def digest_of(revision: Revision) -> str:
    """Digest that the files will have once they are downloaded."""
    files = [FileDigest(path=f.path, sha256=f.sha256, bytes=f.bytes) for f in revision.files]
    return Manifest(files=tuple(files)).digest


def _observe(followed: FollowedSource) -> Observation:
    memory = home() / "watch"
    earlier = recall(memory, followed.source)
    found: Observation
    if scheme_of(followed.source) == "hf":
        found = observe_hub(followed.source, home() / "weights", DOWNLOADED, earlier)
    else:
        stored = (
            DirectoryFiles(followed.source)
            if scheme_of(followed.source) == "file"
            else BucketFiles(followed.source, DOWNLOADED)
        )
        found = observe_files(stored, followed.quiet_s, earlier)
    if isinstance(found, Revision) and found != earlier:
        try:
            remember(memory, followed.source, found)
        except OSError as error:  # the next look reads the files again
            logger.warning("%s is not remembered: %s", followed.source, error)
    return found


def _noted(release: Release | None) -> int:
    return release.released_ms if release else 0
