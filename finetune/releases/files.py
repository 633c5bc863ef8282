"""A look at a directory or a bucket: which weights are there, and have they stopped changing.

Does: wait for quiet by this process's own steady clock, so that no clock of another machine matters.
Does not: read files again whose listing is that of an earlier look.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import astuple

from finetune.releases.completeness import ListedFile, what_is_missing
from finetune.releases.observation import Observation, ObservedFile, Revision, StillUploading
from finetune.releases.source_errors import GoneError
from finetune.releases.stored_files import StoredFiles

MOVED = "files changed while they were looked at"


def identity_of(listing: tuple[ListedFile, ...]) -> str:
    """Digest of a listing: names, sizes and marks of storage."""
    content = json.dumps([astuple(file) for file in listing]).encode()
    return f"listing:{hashlib.sha256(content).hexdigest()}"


def observe_files(
    files: StoredFiles,
    quiet_s: float,
    earlier: Revision | None = None,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Observation:
    """The weights that are there now.

    Args:
        quiet_s: how long the listing must stay as it is, in seconds.
        earlier: of an earlier look; returned as it is if nothing changed since.
        sleep, clock: seconds of a clock that nobody sets.
    Raises:
        SourceError: when the storage cannot be read.
    """
    listing = files.listing()
    identity = identity_of(listing)
    if earlier is not None and earlier.identity == identity:
        return earlier
    began = clock()
    try:
        missing = what_is_missing(listing, files.read)
        if missing is not None:
            return StillUploading(missing)
        found = tuple(
            ObservedFile(file.path, file.bytes, files.sha256(file.path)) for file in listing
        )
        sleep(max(0.0, quiet_s - (clock() - began)))
        if files.listing() != listing:
            return StillUploading(MOVED)
    except GoneError:  # a file that was listed a moment ago
        return StillUploading(MOVED)
    return Revision(source=files.source, identity=identity, files=found)
