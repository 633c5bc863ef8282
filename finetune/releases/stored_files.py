"""Files of a directory or of a bucket's prefix, listed and read alike.

Does: list, read, digest. Does not: say whether they are complete (finetune/releases/completeness.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

from finetune.releases.completeness import ListedFile
from finetune.releases.observation import is_downloaded
from finetune.releases.source_errors import SourceError, gone, told_by_storage

PIECE_BYTES = 16 << 20
MARKS = ("ETag", "etag", "generation", "LastModified", "updated", "mtime")


class StoredFiles(Protocol):
    """Where files are."""

    source: str

    def listing(self) -> tuple[ListedFile, ...]:
        """Every file that belongs to the weights, sorted by path."""

    def read(self, path: str, start: int, count: int | None) -> bytes:
        """Bytes of a file, from `start`."""

    def sha256(self, path: str) -> str:
        """64 hexadecimal digits; the file is read in pieces."""


class DirectoryFiles:
    """All files below a directory, but for Python's bytecode caches."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._directory = Path(source.removeprefix("file://"))

    def listing(self) -> tuple[ListedFile, ...]:
        with told_by_storage(self.source):
            if not self._directory.is_dir():
                raise gone(self.source, f"no directory at {self._directory.resolve()}")
            listed = []
            for directory, _, names in os.walk(self._directory, onerror=_not_vanished):
                for path in (Path(directory, name) for name in names):
                    below = path.relative_to(self._directory)
                    # A file may vanish in between; that it did shows in the next listing.
                    with contextlib.suppress(FileNotFoundError):
                        if path.is_file() and "__pycache__" not in below.parts:
                            listed.append(_listed(path, below))
            return tuple(sorted(listed))

    def read(self, path: str, start: int, count: int | None) -> bytes:
        with told_by_storage(self.source), (self._directory / path).open("rb") as file:
            file.seek(start)
            return file.read(-1 if count is None else count)

    def sha256(self, path: str) -> str:
        with told_by_storage(self.source), (self._directory / path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def _not_vanished(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):
        raise error


def _listed(path: Path, below: Path) -> ListedFile:
    stat = path.stat()
    # The time of change besides that of modification: copying tools set the latter back.
    mark = f"{stat.st_ino} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    return ListedFile(below.as_posix(), stat.st_size, mark)


class BucketFiles:
    """The objects below a prefix of S3 or Google Cloud Storage that Pawl downloads."""

    def __init__(self, source: str, patterns: tuple[str, ...]) -> None:
        """Args:
        source: `s3://bucket/prefix` or `gs://bucket/prefix`.
        patterns: which objects count, as `fnmatch` reads them.
        """
        self.source, self._patterns = source, patterns
        scheme, _, rest = source.partition("://")
        self._scheme, self._root = scheme, rest.rstrip("/")

    @cached_property
    def _filesystem(self) -> Any:
        import fsspec

        # Of its own: one that was kept would go on with credentials that have changed since.
        return fsspec.filesystem(self._scheme, skip_instance_cache=True, use_listings_cache=False)

    def listing(self) -> tuple[ListedFile, ...]:
        with told_by_storage(self.source):
            found = self._filesystem.find(self._root, detail=True)
            files = {name.removeprefix(f"{self._root}/"): facts for name, facts in found.items()}
            kept = [path for path in files if is_downloaded(path, self._patterns)]
            # Names of objects are free; as a path, such a one would be written outside the download.
            if odd := [p for p in kept if p.startswith("/") or ".." in PurePosixPath(p).parts]:
                raise SourceError(
                    self.source,
                    f"expected names of files below it, got {odd[0]!r}",
                    "Find out who put it there, and delete it.",
                )
            listed = tuple(sorted(_object(path, files[path]) for path in kept))
            if not listed:
                raise gone(self.source, f"none of {len(files)} objects is a file of weights")
            return listed

    def read(self, path: str, start: int, count: int | None) -> bytes:
        end = None if count is None else start + count
        with told_by_storage(self.source):
            if start == end:
                return b""
            content: bytes = self._filesystem.cat_file(self._key(path), start=start, end=end)
            return content

    def sha256(self, path: str) -> str:
        digest = hashlib.sha256()
        with (
            told_by_storage(self.source),
            self._filesystem.open(
                self._key(path), "rb", block_size=PIECE_BYTES, cache_type="readahead"
            ) as file,
        ):
            while piece := file.read(PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def download(self, path: str, to: Path) -> None:
        """Copy one object into a file."""
        to.parent.mkdir(parents=True, exist_ok=True)
        with told_by_storage(self.source):
            self._filesystem.get_file(self._key(path), str(to))

    def _key(self, path: str) -> str:
        return f"{self._root}/{path}"


def _object(path: str, facts: dict[str, Any]) -> ListedFile:
    mark = " ".join(str(facts[name]) for name in MARKS if name in facts)
    return ListedFile(path, int(facts["size"]), mark)
