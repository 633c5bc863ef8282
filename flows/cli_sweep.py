"""`pawl sweep`: settings are tried on validation rows, the best goes through the gate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.home import use_embedded_prefect


def sweep(
    sweep: Annotated[str, typer.Argument(help="Sweep YAML: a path, or the name of one shipped.")],
    max_parallel: Annotated[
        int | None, typer.Option(min=1, help="Trials at once, each in a process of its own.")
    ] = None,
    gate: Annotated[bool, typer.Option(help="Take the best through the whole lifecycle.")] = True,
) -> None:
    """Try settings of a lifecycle on its validation rows; gate the best on the test set, once."""
    from flows.requests.sweep import SweepRequest, sweep_of

    request = SweepRequest(sweep=sweep, max_parallel=max_parallel, gate_the_best=gate)
    sweep_of(request)  # a mistake in a file should not cost the start of a server
    use_embedded_prefect()
    from flows import console
    from flows.deployed.sweep import sweep as sweep_flow

    done: Any = sweep_flow(request)
    console.say((done.report / "report.md").read_text())
    if done.lifecycle is not None:
        console.print_summary(done.lifecycle)
