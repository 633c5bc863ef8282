"""`pawl matrix`: several weights answer several tasks."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.home import use_embedded_prefect


def matrix(
    file: Annotated[str, typer.Argument(help="Matrix YAML: a path, or the name of one shipped.")],
) -> None:
    """Evaluate candidates x tasks; cells whose inputs are unchanged are skipped."""
    from configs.evaluation_matrix import load_matrix

    config = load_matrix(file)
    use_embedded_prefect()
    from prefect import flow

    from flows import console
    from flows.evaluation_matrix import run_matrix

    asked = flow(name="evaluate-matrix", flow_run_name=f"matrix {config.name}")(run_matrix)
    summary = asked(config)
    console.print_matrix(summary)
    raise typer.Exit(1 if summary.failed else 0)
