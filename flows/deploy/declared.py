"""The deployments that prefect.yaml declares.

Does: read and validate them. Does not: talk to a server (flows/deploy/apply.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

import configs
from configs.errors import ConfigError
from configs.load import read_yaml, validate
from configs.strict_model import StrictModel

PREFECT_YAML = Path(configs.__file__).parent / "prefect.yaml"


class DeclaredSchedule(StrictModel):
    """When runs are scheduled."""

    cron: str | None = None
    """Cron expression."""
    interval: float | None = Field(default=None, gt=0)
    """Seconds between runs."""
    timezone: str = "UTC"
    active: bool = True
    """An inactive one is there to be switched on."""
    slug: str
    """Name that stays when the schedule is changed."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DeclaredSchedule:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("expected either cron or interval")
        return self


class DeclaredConcurrency(StrictModel):
    """How many runs of a deployment there may be at once."""

    limit: int = Field(ge=1)
    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    """What happens to one more: it waits, or is cancelled."""


class DeclaredWorkPool(StrictModel):
    """Where runs are executed."""

    name: str
    job_variables: dict[str, Any] = Field(default_factory=dict)


class DeclaredDeployment(StrictModel):
    """One deployment."""

    name: str
    entrypoint: str = Field(pattern=r"^[\w.]+$")
    """Module path of the flow, so that a worker needs the installed package and no files."""
    description: str
    """Markdown; the UI shows it beside the form."""
    tags: list[str] = Field(default_factory=list)
    parameters: dict[str, Any] = Field(default_factory=dict)
    """What the form is filled with at first."""
    schedules: list[DeclaredSchedule] = Field(default_factory=list)
    concurrency_limit: DeclaredConcurrency
    work_pool: DeclaredWorkPool


def declared_deployments(path: Path = PREFECT_YAML) -> list[DeclaredDeployment]:
    """Deployments of a prefect.yaml, in its order.

    Raises:
        ConfigError: when the file is missing or malformed, naming the deployment and field.
    """
    listed = read_yaml(path).get("deployments")
    if not isinstance(listed, list) or not listed:
        raise ConfigError(
            str(path), "expected a list of deployments, got none", "Add some, or name another file."
        )
    found = []
    for number, content in enumerate(listed):
        name = content.get("name", number) if isinstance(content, dict) else number
        where = f"{path}: deployment {name}"
        found.append(validate(DeclaredDeployment, content, where))
    return found


def chosen(
    declared: list[DeclaredDeployment], only: list[str] | None
) -> list[DeclaredDeployment]:
    """The deployments of these names; all of them if no names are given.

    Raises:
        ConfigError: for a name that is not declared.
    """
    names = [deployment.name for deployment in declared]
    for name in only or ():
        if name not in names:
            raise ConfigError("--only", f"expected one of {', '.join(names)}, got {name!r}", "Check it.")
    return [deployment for deployment in declared if not only or deployment.name in only]
