"""What a look at a source of weights finds.

Does: hold it. Does not: look, or say what is new; a digest is made of it by whoever keeps digests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class ObservedFile:
    """One file of a revision."""

    path: str
    """Below the source, with forward slashes."""
    bytes: int
    sha256: str
    """64 hexadecimal digits."""


@dataclass(frozen=True)
class Revision:
    """A whole revision of a source."""

    source: str
    """Exact source, such as `hf://org/name@<commit>`."""
    identity: str
    """What changes whenever the files may have: a commit, or the digest of a listing. A look at a source
    with the identity of an earlier look needs to read nothing."""
    files: tuple[ObservedFile, ...]
    """The files that Pawl downloads from it, sorted by path."""


@dataclass(frozen=True)
class StillUploading:
    """A revision that is not complete yet."""

    reason: str
    """What is missing or still changes, one clause."""


Observation = Revision | StillUploading


def is_downloaded(path: str, patterns: Sequence[str]) -> bool:
    """Whether a file belongs to the weights, as the hub's own downloads read patterns: `*` also stands
    for slashes."""
    return any(fnmatchcase(path, pattern) for pattern in patterns)
