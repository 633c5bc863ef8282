"""Read members of an `.eval` file of inspect_ai, which is a ZIP whose members are Zstandard or Deflate.

Does: unpack JSON members. Does not: know what they mean (evals/logs/inspect_ai.py).

Python's zipfile reads Zstandard members (method 93 of PKWARE's APPNOTE 6.3.8) from 3.14 on only, so they
are taken as bytes and unpacked by pyarrow.
"""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path
from typing import Any

from configs.errors import EvidenceError

ZSTANDARD = 93
LOCAL_HEADER = struct.Struct("<4s5H3I2H")
"""APPNOTE 4.3.7; its last two fields are the lengths of name and extra field that follow."""


def members(path: Path) -> dict[str, zipfile.ZipInfo]:
    """The last member of each name.

    Raises:
        EvidenceError: when the file is no whole ZIP.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {info.filename: info for info in archive.infolist()}
    except (OSError, zipfile.BadZipFile) as error:
        raise EvidenceError(
            str(path), f"expected a whole .eval file, got: {error}",
            "Copy it again; if the run was stopped, `inspect eval-retry` finishes it.",
        ) from error  # fmt: skip


def read_member(path: Path, info: zipfile.ZipInfo) -> Any:
    """The JSON value of one member.

    Raises:
        EvidenceError: when it cannot be unpacked.
    """
    try:
        return json.loads(_unpacked(path, info))
    except (OSError, ValueError, NotImplementedError, struct.error, zipfile.BadZipFile) as error:
        raise EvidenceError(
            f"{path}: {info.filename}", f"expected JSON, got: {error}", "Copy the log again."
        ) from error


def _unpacked(path: Path, info: zipfile.ZipInfo) -> bytes:
    if info.compress_type != ZSTANDARD:
        with zipfile.ZipFile(path) as archive:
            return archive.read(info)
    import pyarrow as pa

    with path.open("rb") as file:
        file.seek(info.header_offset)
        *_, name_length, extra_length = LOCAL_HEADER.unpack(file.read(LOCAL_HEADER.size))
        file.seek(name_length + extra_length, 1)
        packed = file.read(info.compress_size)
    with pa.input_stream(pa.BufferReader(packed), compression="zstd") as stream:
        return bytes(stream.read())
