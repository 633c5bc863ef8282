"""Where registered weights live: one directory per digest, apart from any cache.

Does: keep files under their digest, whole or not at all. Does not: delete or repair any.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from configs.durable_files import durable_directory
from configs.errors import PinError
from registry.digests import Manifest, differences, digest_directory


def keep_weights(weights: Path, kept_dir: Path) -> tuple[Path, Manifest]:
    """Keep a model's files under their digest; hard links where the file system allows.

    Returns:
        The directory (the same for the same bytes) and its manifest.
    Raises:
        PinError: when there are no files, or when files kept earlier under this digest are no longer these bytes.
    """
    manifest = digest_directory(weights)
    if not manifest.files:
        raise PinError(str(weights), "expected a model's files, found none", "Make them again.")
    final = kept_dir / manifest.digest.removeprefix("sha256:")[:32]
    if not final.is_dir():
        try:
            with durable_directory(final) as directory:
                _link_files(weights, manifest, directory)
        except OSError:
            # Another process that keeps the same bytes may have been first; its files serve as well.
            if not final.is_dir():
                raise
    if problems := differences(manifest, final):
        raise PinError(
            str(final),
            f"expected the bytes kept under this digest, got: {problems[0]}",
            "Someone changed these files; restore or delete them.",
        )
    return final, manifest


def _link_files(weights: Path, manifest: Manifest, directory: Path) -> None:
    for file in manifest.files:
        target = directory / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        source = (weights / file.path).resolve()
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
