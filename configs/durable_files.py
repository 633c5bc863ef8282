"""Write files and directories so that a crash leaves the old content or the new, never a mixture."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def durable_directory(final: Path) -> Iterator[Path]:
    """Yield an empty directory that becomes `final` if the block succeeds, and vanishes if not.

    An existing `final` is replaced only after the block succeeded; it is never left half-written.

    Raises:
        OSError: when the disk is full or not writable; `final` is then as it was.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    building = final.parent / f".{final.name}.building-{uuid.uuid4().hex}"
    building.mkdir()
    try:
        yield building
        for path in (building, *building.rglob("*")):
            _sync(path)
        replaced = None
        if final.exists():
            replaced = final.parent / f".{final.name}.replaced-{uuid.uuid4().hex}"
            final.rename(replaced)
        try:
            building.rename(final)
        except OSError:
            if replaced is not None:
                replaced.rename(final)
            raise
        _sync(final.parent)
        if replaced is not None:
            shutil.rmtree(replaced)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def write_durably(path: Path, content: str | bytes) -> None:
    """Replace the file at `path` with `content` (str as UTF-8) in one atomic step.

    Raises:
        OSError: when the disk is full or not writable; the file is then as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.parent / f".{path.name}.building-{uuid.uuid4().hex}"
    data = content.encode() if isinstance(content, str) else content
    try:
        with building.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        building.replace(path)
        _sync(path.parent)
    finally:
        building.unlink(missing_ok=True)
