"""`pawl audit`: everything that people and gates did about a model, in order of time."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from flows.home import model_store


def audit(
    model: Annotated[str, typer.Argument(help="Registered model.")],
    alias: Annotated[str, typer.Option(help="Alias that production follows.")] = "champion",
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object per line, for other programs.")
    ] = False,
) -> None:
    """Show decisions, requests, approvals, refusals, promotions and rollbacks, oldest first."""
    from rich.markup import escape
    from rich.table import Table

    from configs.errors import RegistryError
    from flows import console
    from registry.audit import audit_trail

    store = model_store()
    if model not in store.models():
        raise RegistryError(model, "expected a registered model, found none", "See `pawl status`.")
    lines = audit_trail(store, model, alias)
    if as_json:
        for line in lines:
            typer.echo(json.dumps({"written": line.written, **line.model_dump()}))
        return
    table = Table("when (UTC)", "version", "who", "what", title=f"{model}, {alias}")
    for line in lines:
        style = "" if line.took_effect else "dim"
        said = escape(f"{line.kind}: {line.what}")
        table.add_row(line.written, str(line.version), escape(line.actor), said, style=style)
    console.console.print(table)
