"""sha256 over content: of files, directories and JSON values, never of names or dates alone."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from configs.errors import PinError
from configs.strict_model import StrictModel


class FileDigest(StrictModel):
    """One file of a manifest."""

    path: str
    """Path below the directory, with forward slashes."""
    sha256: str
    """64 hexadecimal digits."""
    bytes: int
    """Size."""


class Manifest(StrictModel):
    """Every file of a directory, sorted by path."""

    files: tuple[FileDigest, ...]

    @property
    def digest(self) -> str:
        """sha256 over the sorted list of paths, sizes and sha256 values."""
        return digest_json([file.model_dump() for file in self.files])


def digest_json(value: Any) -> str:
    """`sha256:...` of a JSON-able value in canonical form (sorted keys, no white space, UTF-8)."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def sha256_of_file(path: Path) -> str:
    """64 hexadecimal digits; the file is read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_file(path: Path) -> str:
    """`sha256:...` of a file's bytes."""
    return f"sha256:{sha256_of_file(path)}"


def digest_directory(directory: Path) -> Manifest:
    """Digest every file below a directory, bytecode caches left out.

    Symbolic links are read as what they point to (a hub cache consists of them).

    Raises:
        PinError: when there is no such directory, or a link points nowhere.
    """
    if not directory.is_dir():
        raise PinError(str(directory), "expected a directory, found none", "Restore the files.")
    files = []
    for path in sorted(directory.rglob("*"), key=lambda p: p.relative_to(directory).as_posix()):
        if path.is_dir() or "__pycache__" in path.parts:
            continue
        if not path.exists():
            raise PinError(str(path), "expected a file, got a link to nothing", "Restore the file.")
        name = path.relative_to(directory).as_posix()
        files.append(
            FileDigest(path=name, sha256=sha256_of_file(path), bytes=path.stat().st_size)
        )
    return Manifest(files=tuple(files))


def differences(expected: Manifest, directory: Path) -> list[str]:
    """What differs between a manifest and the files on disk, one sentence per file."""
    if not directory.is_dir():
        return [f"{directory}: missing"]
    found = {file.path: file for file in digest_directory(directory).files}
    wanted = {file.path: file for file in expected.files}
    problems = []
    for path in sorted(wanted.keys() | found.keys()):
        if path not in found:
            problems.append(f"{path}: missing")
        elif path not in wanted:
            problems.append(f"{path}: not in the manifest")
        elif found[path] != wanted[path]:
            problems.append(
                f"{path}: expected sha256 {wanted[path].sha256}, got {found[path].sha256}"
            )
    return problems
