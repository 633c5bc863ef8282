"""Checkpoints of an unfinished training: which is the newest that is whole."""

from __future__ import annotations

import json
from pathlib import Path


def last_whole_checkpoint(directory: Path) -> Path | None:
    """The newest checkpoint that was written to its end, or None.

    The trainer writes `trainer_state.json` last, so a checkpoint without it was interrupted.
    """
    whole = [
        path
        for path in directory.glob("checkpoint-*")
        if step_of(path).isdecimal() and _is_json(path / "trainer_state.json")
    ]
    return max(whole, key=lambda path: int(step_of(path)), default=None)


def step_of(checkpoint: Path) -> str:
    """Step of a checkpoint, by the name of its directory."""
    return checkpoint.name.removeprefix("checkpoint-")


def logged_tokens(checkpoint: Path) -> int:
    """Tokens trained on up to a whole checkpoint, as its last log says; 0 without one."""
    history = json.loads((checkpoint / "trainer_state.json").read_text()).get("log_history", [])
    return int(next((e["num_tokens"] for e in reversed(history) if "num_tokens" in e), 0))


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except (OSError, ValueError):
        return False
    return True
