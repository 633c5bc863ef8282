"""One result of `pawl doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["ok", "warning", "error"]


@dataclass(frozen=True)
class Finding:
    """What a check found, and what to do about it."""

    severity: Severity
    """`error`: something fails or is lost, now or at the next restart. `warning`: it may."""
    what: str
    """What was found, one sentence."""
    where: str
    """Setting, address or file concerned."""
    cure: str = ""
    """What to do, one line; empty for `ok`."""


def ok(what: str, where: str) -> Finding:
    """Nothing to do."""
    return Finding("ok", what, where)
