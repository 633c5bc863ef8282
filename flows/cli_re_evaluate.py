"""`pawl re-evaluate`: run the recipes of champions again on what is new."""

from __future__ import annotations

import getpass
from typing import Annotated, Any

import typer

from flows.home import use_embedded_prefect


def re_evaluate(
    model: Annotated[
        str | None, typer.Argument(help="Registered model; without one, all that are concerned.")
    ] = None,
    source: Annotated[
        str | None, typer.Option(help="Other base weights, such as hf://org/name@commit.")
    ] = None,
    digest: Annotated[
        str | None, typer.Option(help="sha256:... that those weights must have.")
    ] = None,
    actor: Annotated[str, typer.Option(help="Who asks.")] = "",
) -> None:
    """Decide about champions anew where anything changed: weights, task, data, code; else say so."""
    from configs.validation import validate
    from flows.requests.re_evaluate import ReEvaluateRequest

    content = {
        "model": model,
        "source": source,
        "digest": digest,
        "reason": "manual",
        "requested_by": actor or getpass.getuser(),
    }
    request = validate(ReEvaluateRequest, content, "pawl re-evaluate")
    use_embedded_prefect()
    from flows import console
    from flows.deployed.re_evaluate import re_evaluate as re_evaluate_flow

    state: Any = re_evaluate_flow(request, return_state=True)
    for one in state.result():
        if one.summary is not None:
            console.print_summary(one.summary)
    console.say(f"{state.name}: {state.message}")
