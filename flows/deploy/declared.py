"""The deployments that prefect.yaml declares.

Does: read and validate them. Does not: talk to a server (flows/deploy/apply.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, model_validator

import configs
from configs.errors import ConfigError
from configs.strict_model import StrictModel
from configs.validation import validate
from configs.yaml_file import read_yaml

PREFECT_YAML = Path(configs.__file__).parent / "prefect.yaml"
"""Ships with the package; prefect.yaml at the root of the repository is a link to it."""


class DeclaredSchedule(StrictModel):
    """When runs are scheduled."""

    slug: str
    """Name of the schedule, by which it is known when the rest of it changes."""

    cron: str | None = None
    """Cron expression."""

    interval: float | None = Field(default=None, gt=0)
    """Seconds between runs."""

    timezone: str = "UTC"
    """Time zone of the cron expression, such as Europe/Berlin."""

    active: bool = True
    """Off: it is there to be switched on in the UI."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    """Instead of what the form is filled with."""

    @model_validator(mode="after")
    def _one_of_both(self) -> DeclaredSchedule:
        if (self.cron is None) == (self.interval is None):
            raise ValueError("expected either cron or interval; leave one of them out")
        return self


class DeclaredConcurrency(StrictModel):
    """How many runs of a deployment there may be at once."""

    limit: int = Field(ge=1)
    """Most runs at once."""

    collision_strategy: Literal["ENQUEUE", "CANCEL_NEW"] = "ENQUEUE"
    """What becomes of one more: it waits, or is cancelled."""

    grace_period_seconds: int | None = Field(default=None, ge=60, le=86400)
    """How long a run that has not started keeps its place after its worker is gone. Empty: as the server
    is set, five minutes by default."""


class DeclaredWorkPool(StrictModel):
    """Where runs are executed."""

    name: str
    """Work pool that `prefect deploy` uses; `pawl deploy --pool` names another."""

    job_variables: dict[str, Any] = Field(default_factory=dict)
    """Values for the pool's base job template, such as GPUs."""


class DeclaredDeployment(StrictModel):
    """One deployment."""

    name: str
    """Name of the deployment and of its flow."""

    entrypoint: str = Field(pattern=r"^\w+(\.\w+)+$")
    """Module path of the flow, so that a worker needs the installed package and no files."""

    description: str
    """Markdown; the UI shows it on the deployment's page."""

    tags: tuple[str, ...] = ()
    """Of the deployment and its runs."""

    parameters: dict[str, Any] = Field(default_factory=dict)
    """What the form is filled with at first."""

    schedules: tuple[DeclaredSchedule, ...] = ()
    """When runs start by themselves."""

    concurrency_limit: DeclaredConcurrency
    """How many at once."""

    work_pool: DeclaredWorkPool
    """Where."""


def declared_deployments(path: Path = PREFECT_YAML) -> list[DeclaredDeployment]:
    """Deployments of a prefect.yaml, in its order.

    Raises:
        ConfigError: when the file is missing or malformed, naming the deployment and field.
    """
    listed = read_yaml(path).get("deployments")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise ConfigError(
            f"{path}: deployments", "expected a list of mappings, got none", "Write `- name: ...`."
        )
    return [
        validate(DeclaredDeployment, one, f"{path}: deployment {one.get('name', number)}")
        for number, one in enumerate(listed, start=1)
    ]


def chosen(declared: Sequence[DeclaredDeployment], only: Sequence[str]) -> list[DeclaredDeployment]:
    """The deployments of these names; all of them if no names are given.

    Raises:
        ConfigError: for a name that is not declared.
    """
    names = [deployment.name for deployment in declared]
    if unknown := [name for name in only if name not in names]:
        raise ConfigError(
            "--only", f"expected one of {', '.join(names)}, got {unknown[0]!r}", "Correct it."
        )
    return [deployment for deployment in declared if not only or deployment.name in only]
