"""`pawl deploy`: bring deployments, automations and the work pool to a Prefect server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from configs.errors import ConfigError

if TYPE_CHECKING:
    from flows.automations.plan import Change
    from flows.deploy.apply import Deployed

POOL_TYPES = ("process", "docker", "kubernetes")


def deploy(
    pool: Annotated[str, typer.Option(help="Work pool; created if there is none.")] = "default",
    pool_type: Annotated[
        str, typer.Option(help="process, docker or kubernetes, for a pool that is created.")
    ] = "process",
    pool_limit: Annotated[
        int | None, typer.Option(min=1, help="Runs at once in a pool that is created.")
    ] = None,
    gpu_slots: Annotated[
        int | None, typer.Option(min=1, help="Pieces of work that may use a GPU at once.")
    ] = None,
    only: Annotated[list[str] | None, typer.Option(help="Only these deployments.")] = None,
    automations: Annotated[bool, typer.Option(help="Apply the automations too.")] = True,
) -> None:
    """Bring Pawl's deployments and automations to the Prefect server; again changes nothing."""
    import os

    if pool_type not in POOL_TYPES:
        expected = f"expected one of {', '.join(POOL_TYPES)}, got {pool_type!r}"
        raise ConfigError("--pool-type", expected, "Name one of them.")
    if not os.environ.get("PREFECT_API_URL"):
        from prefect.settings import get_current_settings

        if not get_current_settings().api.url:
            raise ConfigError(
                "PREFECT_API_URL",
                "expected the address of a Prefect server, got none",
                "Start one with `pawl up`, or set it.",
            )
    from flows.automations.apply import apply_automations
    from flows.deploy.apply import Pool, apply_deployments
    from flows.deploy.declared import chosen, declared_deployments

    target = Pool(pool, pool_type, pool_limit)  # type: ignore[arg-type]
    deployed = apply_deployments(chosen(declared_deployments(), only), target, gpu_slots)
    _print_deployed(deployed, pool)
    if automations:
        _print_changes(apply_automations())


def _print_deployed(deployed: list[Deployed], pool: str) -> None:
    from rich.table import Table

    from flows.console import console, say

    table = Table("deployment", "schedule", title=f"Deployments in work pool {pool}")
    for one in deployed:
        table.add_row(one.name, ", ".join(one.schedules) or "none")
    console.print(table)
    for one in deployed:
        if one.form:
            say(f"{one.name}: {one.form}")


def _print_changes(changes: list[Change]) -> None:
    from rich.table import Table

    from flows.console import console

    table = Table("automation", "", "why", title="Automations")
    for change in changes:
        table.add_row(change.name, change.kind, change.why)
    console.print(table)
