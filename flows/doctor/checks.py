"""Every check of `pawl doctor`, in the order in which its findings are shown."""

from __future__ import annotations

from collections.abc import Callable

from flows.doctor import machine_checks, mlflow_checks, prefect_checks
from flows.doctor.facts import Facts
from flows.doctor.finding import Finding

Check = Callable[[Facts], Finding | None]
CHECKS: tuple[Check, ...] = (
    *machine_checks.CHECKS,
    *prefect_checks.CHECKS,
    *mlflow_checks.CHECKS,
)


def examine(facts: Facts) -> list[Finding]:
    """Findings of all checks that apply to these facts."""
    found = (check(facts) for check in CHECKS)
    return [finding for finding in found if finding is not None]
