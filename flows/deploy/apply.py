"""Bring declared deployments to a Prefect server, as often as one likes.

Does: make the work pool and the limit on GPUs where they are missing, create or update deployments.
Does not: start workers or a server.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import configs
from configs.errors import ConfigError, PrefectError
from flows.deploy.declared import DeclaredDeployment
from flows.home import home
from flows.prefect_api import prefect_client

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

PoolType = Literal["process", "docker", "kubernetes"]
BASE_JOB_TEMPLATES = Path(configs.__file__).parent / "work_pools"
GPU_LIMIT = "gpu"
HANDED_ON = ("PAWL_HOME", "PAWL_DATA", "PAWL_CONFIGS", "MLFLOW_TRACKING_URI")
"""Settings of whoever deploys that runs in a process pool, on the same machine, should have too."""


@dataclass(frozen=True)
class Pool:
    """The work pool that runs are sent to."""

    name: str
    type: PoolType = "process"
    limit: int | None = None
    """Most runs at once; None for no limit."""


@dataclass(frozen=True)
class Deployed:
    """One deployment as it now stands on the server."""

    name: str
    id: str
    form: str
    """Address of the form that starts a run; empty without a UI."""
    schedules: tuple[str, ...]
    """Active ones, in words."""


def apply_deployments(
    declared: Sequence[DeclaredDeployment], pool: Pool, gpu_slots: int | None = None
) -> list[Deployed]:
    """Create or update every deployment in one work pool.

    Args:
        pool: created if the server has none of this name; one of another type is refused.
        gpu_slots: pieces of work that may use a GPU at once, over all workers; None leaves the
            server's limit alone.
    Raises:
        ConfigError: when an entrypoint cannot be loaded.
        PrefectError: when the server is unreachable, or the pool is of another type.
    """
    with prefect_client("applying deployments") as client:
        ensure_pool(client, pool)
        if gpu_slots is not None:
            _set_gpu_slots(client, gpu_slots)
    return [_apply(one, pool) for one in declared]


def ensure_pool(client: SyncPrefectClient, pool: Pool) -> None:
    """Create a work pool, with the base job template that ships for its type, unless it exists.

    Raises:
        PrefectError: when it exists with another type.
    """
    from prefect.client.schemas.actions import WorkPoolCreate
    from prefect.exceptions import ObjectNotFound

    try:
        found = client.read_work_pool(pool.name)
    except ObjectNotFound:
        template = json.loads((BASE_JOB_TEMPLATES / f"{pool.type}.json").read_text())
        client.create_work_pool(
            WorkPoolCreate(
                name=pool.name,
                type=pool.type,
                base_job_template=template,
                concurrency_limit=pool.limit,
            )
        )
        return
    if found.type != pool.type:
        raise PrefectError(
            f"work pool {pool.name}",
            f"expected type {pool.type}, got {found.type}",
            f"Name another pool with --pool, or say --pool-type {found.type}.",
        )


def _set_gpu_slots(client: SyncPrefectClient, slots: int) -> None:
    client.upsert_global_concurrency_limit_by_name(GPU_LIMIT, slots)


def run_environment(pool_type: PoolType, environment: Mapping[str, str]) -> dict[str, str]:
    """Environment of runs: in a process pool, where this command keeps its files too.

    Other pools have paths of their own, which their base job template names.
    """
    if pool_type != "process":
        return {}
    known = {name: environment[name] for name in HANDED_ON if name in environment}
    return {**known, "PAWL_HOME": str(home())}


def _apply(declared: DeclaredDeployment, pool: Pool) -> Deployed:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.deployments.runner import DeploymentApplyError, RunnerDeployment
    from prefect.exceptions import ScriptError
    from prefect.settings import get_current_settings

    variables: dict[str, Any] = dict(declared.work_pool.job_variables)
    environment = run_environment(pool.type, os.environ) | dict(variables.get("env", {}))
    if environment:
        variables["env"] = environment
    try:
        deployment = RunnerDeployment.from_entrypoint(
            declared.entrypoint,
            name=declared.name,
            description=declared.description,
            tags=list(declared.tags),
            parameters=declared.parameters,
            schedules=[_schedule(schedule) for schedule in declared.schedules],
            concurrency_limit=ConcurrencyLimitConfig(
                **declared.concurrency_limit.model_dump(mode="json")
            ),
            enforce_parameter_schema=True,
            work_pool_name=pool.name,
            job_variables=variables,
        )
        identity = str(deployment.apply())
    except (ImportError, AttributeError, ScriptError) as error:
        raise ConfigError(
            f"deployment {declared.name}",
            f"expected a flow at {declared.entrypoint}, got: {error}",
            "Correct its entrypoint in prefect.yaml.",
        ) from error
    except DeploymentApplyError as error:
        raise PrefectError(
            f"deployment {declared.name}", f"refused: {error}", "Correct it in prefect.yaml."
        ) from error
    ui = get_current_settings().ui_url
    return Deployed(
        name=deployment.full_name,
        id=identity,
        form=f"{ui}/deployments/deployment/{identity}/run" if ui else "",
        schedules=tuple(
            schedule.cron or f"every {schedule.interval:g} s"
            for schedule in declared.schedules
            if schedule.active
        ),
    )


def _schedule(declared: Any) -> Any:
    from datetime import timedelta

    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    when: CronSchedule | IntervalSchedule
    if declared.cron is not None:
        when = CronSchedule(cron=declared.cron, timezone=declared.timezone)
    else:
        when = IntervalSchedule(
            interval=timedelta(seconds=declared.interval), timezone=declared.timezone
        )
    return DeploymentScheduleCreate(schedule=when, active=declared.active, slug=declared.slug)
