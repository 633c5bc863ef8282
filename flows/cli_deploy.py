"""`pawl deploy`: bring deployments, automations and the work pool to a Prefect server.

Does: parse arguments, print what is there now. Does not: start a server or workers (`pawl up`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from configs.errors import ConfigError
from configs.stack import PoolType

if TYPE_CHECKING:
    from flows.automations.plan import Change
    from flows.deploy.apply import Deployed


def deploy(
    pool: Annotated[str, typer.Option(help="Work pool; created if there is none.")] = "default",
    pool_type: Annotated[
        PoolType, typer.Option(help="Type of the work pool if it is created.")
    ] = "process",
    pool_limit: Annotated[
        int | None, typer.Option(min=1, help="Runs at once in the work pool if it is created.")
    ] = None,
    gpu_slots: Annotated[
        int | None,
        typer.Option(min=1, help="GPUs that all runs share. At first 1, then as it is."),
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(help="Only this deployment; may be repeated.")
    ] = None,
    automations: Annotated[bool, typer.Option(help="Apply the automations too.")] = True,
) -> None:
    """Bring Pawl's deployments and automations to the Prefect server; again changes nothing.

    Forms list the lifecycles and gates of now: deploy again after adding a file.
    """
    _require_server()
    from flows.deploy.apply import apply_deployments
    from flows.deploy.declared import chosen, declared_deployments
    from flows.deploy.pool import Pool

    target = Pool(pool, pool_type, pool_limit)
    declared = chosen(declared_deployments(), only or [])
    _print_deployed(apply_deployments(declared, target, gpu_slots), pool)
    if automations:
        from flows.automations.apply import apply_automations

        _print_changes(apply_automations())


def _require_server() -> None:
    from prefect.settings import get_current_settings

    if not get_current_settings().api.url:
        raise ConfigError(
            "PREFECT_API_URL",
            "expected the address of a Prefect server, got none",
            "Start one with `pawl up`, or set it.",
        )


def _print_deployed(deployed: list[Deployed], pool: str) -> None:
    from rich.table import Table

    from flows.console import console, say

    table = Table("deployment", "schedule", title=f"Deployments in the work pool {pool}")
    for one in deployed:
        words = [f"{when}: {'on' if on else 'off'}" for when, on in one.schedules.items()]
        table.add_row(one.name, "\n".join(words))
    console.print(table)
    for one in deployed:
        if one.form:
            say(f"{one.name}: {one.form}")
    say(f"Runs wait for a worker: `prefect worker start --pool {pool}`, unless `pawl up` runs one.")


def _print_changes(changes: list[Change]) -> None:
    from rich.table import Table

    from flows.console import console

    table = Table("automation", "", "why", title="Automations")
    for change in changes:
        table.add_row(change.name, change.kind, change.why)
    console.print(table)
