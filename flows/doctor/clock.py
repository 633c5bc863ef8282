"""How far two clocks may differ."""

from __future__ import annotations

from flows.doctor.finding import Finding, ok

WARNING_S = 5.0
"""Longer than a slow answer and the whole seconds of a Date header explain."""
ERROR_S = 60.0
"""As long as the patience of automations that watch runs."""


def clock_finding(ahead_s: float | None, where: str, name: str) -> Finding | None:
    """Judge a difference of clocks.

    Args:
        ahead_s: the server's clock minus this machine's, in seconds; None if it is not known.
        where: its address.
        name: what it is, for people.
    """
    if ahead_s is None:
        return None
    if abs(ahead_s) < WARNING_S:
        return ok(f"The clocks of this machine and {name} agree.", where)
    direction = "ahead of" if ahead_s > 0 else "behind"
    return Finding(
        "error" if abs(ahead_s) >= ERROR_S else "warning",
        f"{name}'s clock is {abs(ahead_s):.0f} s {direction} this machine's.",
        where,
        "Let both follow a time server (chrony, systemd-timesyncd).",
    )
