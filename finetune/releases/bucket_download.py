"""Weights of S3 and Google Cloud Storage, brought to this machine.

Does: download into a directory of its own per listing, whole or not at all. Does not: digest it; that
the files are the ones that were released is checked where they are resolved.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from configs.durable_files import durable_directory
from configs.errors import WeightsError
from finetune.releases.completeness import what_is_missing
from finetune.releases.files import identity_of
from finetune.releases.stored_files import BucketFiles, DirectoryFiles

AGAIN = "Wait until the upload has ended, and run again."


def download_bucket(source: str, cache_dir: Path, patterns: tuple[str, ...]) -> Path:
    """Directory with the files of weights below a prefix, as they are there now.

    Args:
        source: `s3://bucket/prefix` or `gs://bucket/prefix`.
        cache_dir: where downloads are kept.
        patterns: which objects are downloaded, as `fnmatch` reads them.
    Raises:
        WeightsError: when they cannot be had, are not whole, or change meanwhile.
    """
    files = BucketFiles(source, patterns)
    listing = files.listing()
    name = hashlib.sha256(f"{source} {identity_of(listing)}".encode()).hexdigest()[:32]
    final = cache_dir / "buckets" / name
    if final.is_dir():
        return final
    try:
        with durable_directory(final) as building:
            for file in listing:
                files.download(file.path, building / file.path)
            # Sizes and headers of what arrived, not of what was promised.
            arrived = DirectoryFiles(f"file://{building}")
            found = {file.path: file.bytes for file in arrived.listing()}
            whole = found == {file.path: file.bytes for file in listing}
            missing = what_is_missing(arrived.listing(), arrived.read)
            if not whole or files.listing() != listing:
                raise WeightsError(
                    source, "expected files that stay as they are, got others", AGAIN
                )
            if missing is not None:
                raise WeightsError(source, f"expected a whole checkpoint, but {missing}", AGAIN)
    except OSError as error:
        raise WeightsError(
            source,
            f"expected to keep it in {final.parent}, got: {error}",
            "Free space there, or set PAWL_HOME to a larger disk.",
        ) from error
    return final
