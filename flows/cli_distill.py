"""`pawl distill`: a teacher answers documents without labels, a student goes through the gate."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.home import use_embedded_prefect


def distill(
    distillation: Annotated[
        str, typer.Argument(help="Distillation YAML: a path, or the name of one shipped.")
    ],
    max_documents: Annotated[
        int | None, typer.Option(min=1, help="Ask about a sample of so many documents.")
    ] = None,
) -> None:
    """Distil a big model into a small one: teach, fine-tune, evaluate, gate, promote, pin."""
    from flows.requests.distill import DistillRequest, distillation_of

    request = DistillRequest(distillation=distillation, max_documents=max_documents)
    distillation_of(request)  # a mistake in a file should not cost the start of a server
    use_embedded_prefect()
    from flows import console
    from flows.deployed.distill import distill as distill_flow

    done: Any = distill_flow(request)
    console.print_summary(done)
