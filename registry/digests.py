"""sha256 over content: of files and directories, never of names or dates alone.

Does: list every file of a directory, hidden ones too, and say what differs from such a list.
Does not: count bytecode caches, which Python rewrites whenever it likes, or keep anything.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from configs.canonical_json import digest_json
from configs.errors import PinError
from configs.strict_model import StrictModel


class FileDigest(StrictModel):
    """One file of a manifest."""

    path: str
    """Path below the directory, with forward slashes."""
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    """64 hexadecimal digits."""
    bytes: int = Field(ge=0)
    """Size."""


class Manifest(StrictModel):
    """Every file of a directory, sorted by path."""

    files: tuple[FileDigest, ...]

    @property
    def digest(self) -> str:
        """sha256 over the sorted list of paths, sizes and sha256 values."""
        ordered = sorted(self.files, key=lambda file: file.path)
        return digest_json([file.model_dump() for file in ordered])


def sha256_of_file(path: Path) -> str:
    """64 hexadecimal digits; the file is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:...` of a file's bytes."""
    return f"sha256:{sha256_of_file(path)}"


def digest_directory(directory: Path) -> Manifest:
    """Digest every file below a directory, bytecode caches left out.

    A link to a file counts as the bytes it points to, wherever they are: a hub cache consists of
    such links, and it is the bytes that are served.

    Raises:
        PinError: when there is no such directory, a link points nowhere or to a directory (whose
            files could then change unseen), something is neither file nor directory, a directory
            cannot be listed, or a file cannot be read or has a name that is no text.
    """
    if not directory.is_dir():
        raise PinError(str(directory), "expected a directory, found none", "Restore the files.")
    files = []
    for path in sorted(_entries_below(directory)):
        below = path.relative_to(directory)
        if "__pycache__" in below.parts or (path.is_dir() and not path.is_symlink()):
            continue
        if not path.is_file():
            raise PinError(
                str(path),
                f"expected a file or a link to one, got {_kind(path)}",
                "Put the file itself there.",
            )
        files.append(_file_digest(path, below.as_posix()))
    return Manifest(files=tuple(sorted(files, key=lambda file: file.path)))


def _entries_below(directory: Path) -> Iterator[Path]:
    """Everything below a directory; unlike `Path.rglob`, which leaves out what it may not list."""

    def refused(error: OSError) -> None:
        raise PinError(
            str(error.filename),
            f"expected a directory to list, got: {error.strerror}",
            "Let this user read it.",
        ) from error

    for parent, directories, files in os.walk(directory, onerror=refused):
        yield from (Path(parent, name) for name in (*directories, *files))


def _file_digest(path: Path, name: str) -> FileDigest:
    printable = name.encode(errors="backslashreplace").decode()
    if name != printable:
        raise PinError(
            str(path.parent), f"expected names in UTF-8, got {printable}", "Rename the file."
        )
    try:
        return FileDigest(path=name, sha256=sha256_of_file(path), bytes=path.stat().st_size)
    except OSError as error:
        raise PinError(
            str(path), f"expected a file to read, got: {error.strerror}", "Let this user read it."
        ) from error


def _kind(path: Path) -> str:
    if path.is_dir():
        return "a link to a directory"
    return "a special file" if path.exists() else "a link to nothing"


def differences(expected: Manifest, directory: Path) -> list[str]:
    """What differs between a manifest and the files on disk, one line per file, by path.

    Raises:
        PinError: when the directory cannot be digested (see `digest_directory`).
    """
    if not directory.is_dir():
        return [f"{directory}: missing"]
    found = {file.path: file for file in digest_directory(directory).files}
    wanted = {file.path: file for file in expected.files}
    problems = []
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found:
            problems.append(f"{path}: expected sha256 {wanted[path].sha256}, but it is missing")
        elif path not in wanted:
            problems.append(f"{path}: not in the manifest, got sha256 {found[path].sha256}")
        elif found[path] != wanted[path]:
            problems.append(
                f"{path}: expected sha256 {wanted[path].sha256}, got {found[path].sha256}"
            )
    return problems
