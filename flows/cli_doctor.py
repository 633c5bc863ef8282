"""`pawl doctor`: what in this installation is known to bite, each with its cure.

Does: print findings as a table or JSON, exit with 1 on errors. Does not: check anything itself.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from flows.doctor.finding import Finding

MOST_URGENT_FIRST = ("error", "warning", "ok")
STYLE = {"ok": "green", "warning": "bold yellow", "error": "bold red"}


def doctor(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check libraries, disk, Prefect and MLflow for what is known to bite; exit 1 on errors."""
    from flows.doctor.checks import examine
    from flows.doctor.gather import gather_facts
    from flows.home import home

    # Not flows.home.tracking_uri(), which makes the directory that is to be examined.
    store = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{home() / 'mlflow.db'}")
    findings = examine(gather_facts(home(), store, os.environ))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _print(findings)
    if any(finding.severity == "error" for finding in findings):
        raise typer.Exit(1)


def _print(findings: list[Finding]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from flows.console import console, say

    table = Table("", "found", "where", title="Pawl doctor", show_lines=True)
    for finding in sorted(findings, key=lambda one: MOST_URGENT_FIRST.index(one.severity)):
        found = escape(finding.what)
        if finding.cure:
            found += f"\n[bold]{escape(finding.cure)}[/]"
        mark = f"[{STYLE[finding.severity]}]{finding.severity}[/]"
        table.add_row(mark, found, escape(finding.where))
    console.print(table)
    numbers = {kind: sum(one.severity == kind for one in findings) for kind in STYLE}
    said = ", ".join(f"{number} {kind}" for kind, number in numbers.items())
    say(f"{len(findings)} checks: {said}.")
