"""Where promoted weights live: one directory per digest, apart from any cache."""

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
        PinError: when files kept earlier under this digest are no longer these bytes.
    """
    manifest = digest_directory(weights)
    final = kept_dir / manifest.digest.removeprefix("sha256:")[:32]
    if final.is_dir():
        if problems := differences(manifest, final):
            raise PinError(str(final), f"expected the bytes kept earlier, got: {problems[0]}",
                           "Someone changed these files; restore or delete them.")  # fmt: skip
        return final, manifest
    with durable_directory(final) as directory:
        for file in manifest.files:
            target = directory / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            source = (weights / file.path).resolve()
            try:
                os.link(source, target)
            except OSError:
                shutil.copyfile(source, target)
    return final, manifest
