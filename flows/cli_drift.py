"""`pawl drift`: whether served prompts still look like the test rows."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from flows.home import model_store

DRIFTED = 3


def drift(
    model: Annotated[str, typer.Argument(help="Registered model.")],
    sample: Annotated[Path, typer.Argument(help="JSONL or Parquet of served prompts, no targets.")],
    alias: Annotated[str, typer.Option(help="Alias that production follows.")] = "champion",
    actor: Annotated[str, typer.Option(help="Who looks.")] = "",
) -> None:
    """Compare served prompts with the test rows; noted for `pawl status`. Exits with 3 on drift."""
    from configs.errors import RegistryError
    from flows import console
    from flows.traffic_drift import look_at_traffic
    from registry.alias_ledger import read_champion

    store = model_store()
    champion = read_champion(store, model, alias)
    if champion is None:
        raise RegistryError(
            f"model {model}",
            f"expected a registered model with a {alias}, got none",
            "`pawl status` shows what there is.",
        )
    look, findings = look_at_traffic(store, champion, sample, actor or getpass.getuser())
    for found in findings:
        console.say(f"- {found.sentence}")
    if look.drifted:
        console.say(
            "The test rows no longer stand for the traffic: label documents of it, add them to the test "
            f"rows, and run `pawl re-evaluate {model}`."
        )
        raise typer.Exit(DRIFTED)
    console.say("The test rows stand for the traffic.")
