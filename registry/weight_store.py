"""Where registered weights live: one directory per digest, apart from any cache.

Does: keep files under their digest, whole or not at all. Does not: delete or repair any.
"""

from __future__ import annotations

import os
import shutil
import uuid
from pathlib import Path

from configs.durable_files import durable_directory
from configs.errors import PinError
from registry.digests import Manifest, differences, digest_directory


def keep_weights(weights: Path, kept_dir: Path) -> tuple[Path, Manifest]:
    """Keep a model's files under their digest; hard links where the file system allows.

    Returns:
        The directory (the same for the same bytes) and its manifest.
    Raises:
        PinError: when there are no files, they cannot be written, or files kept earlier under this
            digest are no longer these bytes.
    """
    manifest = digest_directory(weights)
    if not manifest.files:
        raise PinError(str(weights), "expected a model's files, found none", "Make them again.")
    final = kept_dir / manifest.digest.removeprefix("sha256:")[:32]
    if not final.is_dir():
        try:
            _keep(weights, manifest, final)
        except OSError as error:
            raise PinError(
                str(final),
                f"expected to keep the weights, got: {error}",
                "Make room, or let us write.",
            ) from error
    if problems := differences(manifest, final):
        raise PinError(
            str(final),
            f"expected the bytes kept under this digest, got: {problems[0]}",
            "Someone changed these files; restore or delete them.",
        )
    return final, manifest


def _keep(weights: Path, manifest: Manifest, final: Path) -> None:
    staged = final.with_name(f".{final.name}.staged-{uuid.uuid4().hex}")
    try:
        with durable_directory(staged) as directory:
            _link_files(weights, manifest, directory)
        try:
            staged.rename(final)
        except OSError:
            # Another process that keeps the same bytes was first. Its files serve as well, and must
            # not be moved away even for a moment: someone may be serving them.
            if not final.is_dir():
                raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def _link_files(weights: Path, manifest: Manifest, directory: Path) -> None:
    for file in manifest.files:
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        source = (weights / file.path).resolve()
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
