"""Whether the files of a directory or a bucket are a whole checkpoint, or one that still arrives.

Does: find what is missing or cut off, by names, sizes, and what the files say about themselves; pure
but for the reading that it is given. Does not: wait for quiet, or judge safety (finetune/weights.py).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

PARTIAL_SUFFIXES = (".incomplete", ".tmp", ".temp", ".part", ".partial", ".crdownload", ".filepart")
PARTIAL_DIRECTORIES = frozenset({"_temporary", ".tmp"})
INDEX = "model.safetensors.index.json"
LENGTH_FIELD_BYTES = 8
LARGEST_HEADER_BYTES = 100_000_000
"""As safetensors itself allows."""


@dataclass(frozen=True, order=True)
class ListedFile:
    """One file as storage lists it, unread."""

    path: str
    bytes: int
    mark: str
    """What storage changes whenever the file is written: an etag, or times and inode."""


Read = Callable[[str, int, int | None], bytes]
"""Bytes of a file: path, first byte, how many (None: to the end)."""


def what_is_missing(listing: Iterable[ListedFile], read: Read) -> str | None:
    """Why the files are no whole checkpoint, one clause; None if they are.

    A safetensors file says in its header how long it is, so that one that was cut off shows without
    any waiting; see "Format" in the documentation of safetensors.
    """
    files = {file.path: file for file in listing}
    for path in files:
        if _is_partial(PurePosixPath(path)):
            return f"{path} is a file in transfer"
    if "config.json" not in files:
        return "config.json is missing"
    if not any("/" not in path and path.endswith(".safetensors") for path in files):
        return "there is no *.safetensors"
    for path in sorted(files):
        if path.endswith(".json") and (problem := _unreadable_json(read(path, 0, None))):
            return f"{path} is cut off ({problem})"
    if INDEX in files and (missing := _missing_shard(read(INDEX, 0, None), files.keys())):
        return missing
    for path in sorted(files):
        if path.endswith(".safetensors") and (problem := _cut_off(files[path], read)):
            return f"{path} {problem}"
    return None


def _is_partial(path: PurePosixPath) -> bool:
    return path.name.lower().endswith(PARTIAL_SUFFIXES) or not PARTIAL_DIRECTORIES.isdisjoint(
        path.parts
    )


def _unreadable_json(content: bytes) -> str | None:
    try:
        json.loads(content)
    except (ValueError, RecursionError) as error:
        return str(error)
    return None


def _missing_shard(index: bytes, paths: Iterable[str]) -> str | None:
    try:
        content = json.loads(index)
    except ValueError:  # it was whole when it was read a moment ago
        return f"{INDEX} is being written"
    shards = content.get("weight_map") if isinstance(content, dict) else None
    if not isinstance(shards, dict):
        return f"{INDEX} names no shards"
    missing = sorted({*map(str, shards.values())} - {*paths})
    return f"shard {missing[0]} of {len(missing)} is missing" if missing else None


def _cut_off(file: ListedFile, read: Read) -> str | None:
    if file.bytes < LENGTH_FIELD_BYTES:
        return "is cut off before its header"
    length_field = read(file.path, 0, LENGTH_FIELD_BYTES)
    if len(length_field) < LENGTH_FIELD_BYTES:  # it shrank since it was listed
        return "is being written"
    (header_bytes,) = struct.unpack("<Q", length_field)
    if header_bytes > min(LARGEST_HEADER_BYTES, file.bytes - LENGTH_FIELD_BYTES):
        return "is cut off within its header, or is no safetensors file"
    try:
        header = json.loads(read(file.path, LENGTH_FIELD_BYTES, header_bytes))
        ends = [
            int(tensor["data_offsets"][1])
            for name, tensor in header.items()
            if name != "__metadata__"
        ]
    except (ValueError, AttributeError, LookupError, TypeError, OverflowError, RecursionError):
        return "has no header yet, or is no safetensors file"
    expected = LENGTH_FIELD_BYTES + header_bytes + max(ends, default=0)
    if file.bytes < expected:
        return f"is cut off: {file.bytes:,} of {expected:,} bytes"
    return None
