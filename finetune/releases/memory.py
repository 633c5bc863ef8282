"""What was found at the last look, so that unchanged files are not read again.

Does: keep one revision per source on this machine. Does not: matter; whoever loses it reads again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

from configs.durable_files import write_durably
from finetune.releases.observation import ObservedFile, Revision


def recall(directory: Path, followed: str) -> Revision | None:
    """The revision found at the last look; None if there was none, or what was kept is damaged."""
    try:
        kept = json.loads(_place(directory, followed).read_text(encoding="utf-8"))
        files = tuple(ObservedFile(**file) for file in kept["files"])
        return Revision(source=kept["source"], identity=kept["identity"], files=files)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def remember(directory: Path, followed: str, revision: Revision) -> None:
    """Keep a revision for the next look.

    Raises:
        OSError: when the disk is full or not writable.
    """
    write_durably(_place(directory, followed), json.dumps(asdict(revision), indent=1))


def _place(directory: Path, followed: str) -> Path:
    return directory / f"{hashlib.sha256(followed.encode()).hexdigest()[:24]}.json"
