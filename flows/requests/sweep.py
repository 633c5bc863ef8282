"""The form of the deployment `sweep`: a sweep as its file declares it, or with changes."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from configs.lifecycle import LifecycleConfig
from configs.load import load_lifecycle
from configs.strict_model import StrictModel
from configs.sweep import Search, SweepConfig, SweepSpace, load_sweep
from configs.validation import validate
from flows.requests.choices import listing
from flows.requests.lifecycle import LifecycleChanges, changed


class SweepRequest(StrictModel):
    """Try settings of a lifecycle on its validation rows; take the best through the gate once."""

    sweep: Annotated[str, Field(json_schema_extra=listing("sweeps"))] = "demo-lora"
    """Which sweep, by the name of its file: lifecycle, space and search."""

    space: SweepSpace | None = Field(default=None, title="Space")
    """Other values to try. Empty: those that the file declares."""

    search: Search | None = Field(default=None, title="Search")
    """Another way to choose combinations. Empty: the one that the file declares."""

    max_parallel: int | None = Field(default=None, ge=1, le=64)
    """Trials at once. Empty: as the file declares."""

    gate_the_best: bool = True
    """Take the best trial through the whole lifecycle. Off: stop at the table of trials."""

    changes: LifecycleChanges = LifecycleChanges()
    """What differs from the file of the lifecycle."""

    requested_by: str = ""
    """Who asks, for the audit trail."""


def sweep_of(request: SweepRequest) -> tuple[SweepConfig, LifecycleConfig]:
    """The sweep and the lifecycle that are asked for.

    Raises:
        ConfigError: when a file is gone or broken by now, or the changes contradict it.
    """
    declared = load_sweep(request.sweep)
    asked = request.model_dump(mode="json", include={"space", "search", "max_parallel"})
    content = declared.model_dump(mode="json")
    content |= {name: value for name, value in asked.items() if value is not None}
    sweep = validate(SweepConfig, content, f"sweep {request.sweep} with the changes of the form")
    lifecycle = load_lifecycle(sweep.lifecycle)
    return sweep, changed(lifecycle, request.changes, sweep.lifecycle)
