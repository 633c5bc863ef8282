"""Bring declared deployments to a Prefect server, as often as one likes.

Does: load the flows, make pool and GPU limit where they are missing, create or update deployments.
Does not: start workers or a server, or switch a schedule that is there already.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from configs.errors import ConfigError, PrefectError
from configs.named_files import own_configurations
from flows.deploy.declared import DeclaredDeployment, DeclaredSchedule
from flows.deploy.pool import Pool, ensure_gpu_limit, ensure_pool
from flows.deploy.run_settings import LONG_RUNS, run_environment
from flows.home import home
from flows.prefect_api import prefect_client
from flows.stack.gpu_placement import place

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.objects import DeploymentSchedule
    from prefect.deployments.runner import RunnerDeployment

NEED_OWN_FILES = {"watch-weights": "follow"}
"""Deployments whose schedules are off until PAWL_CONFIGS has a file in the folder."""


@dataclass(frozen=True)
class Deployed:
    """One deployment as it now stands on the server."""

    name: str
    """Flow and deployment, as `prefect deployment run` takes them."""
    form: str
    """Address of the form that starts a run; empty where the server's UI is not known."""
    schedules: Mapping[str, bool]
    """In words, and whether it is on."""


def apply_deployments(
    declared: Sequence[DeclaredDeployment], pool: Pool, gpu_slots: int | None = None
) -> list[Deployed]:
    """Create or update every deployment in one work pool.

    Args:
        pool: created if the server has none of this name; one of another type is refused.
        gpu_slots: as of `ensure_gpu_limit`.
    Raises:
        ConfigError: when a flow cannot be loaded; nothing is applied then.
        PrefectError: when the server is unreachable, refuses a deployment, or has the pool with
            another type.
    """
    prepared = [_prepared(one, pool) for one in declared]
    with prefect_client("applying deployments") as client:
        ensure_pool(client, pool)
        ensure_gpu_limit(client, gpu_slots)
        return [
            _apply(client, one, deployment)
            for one, deployment in zip(declared, prepared, strict=True)
        ]


def _prepared(declared: DeclaredDeployment, pool: Pool) -> RunnerDeployment:
    from prefect.client.schemas.objects import ConcurrencyLimitConfig
    from prefect.deployments.runner import RunnerDeployment
    from prefect.exceptions import ScriptError

    placed = place(declared.tags, pool.type)
    variables: dict[str, Any] = placed.job_variables | declared.work_pool.job_variables
    # Elsewhere paths and addresses are other ones; what watches over runs counts on the rest everywhere.
    environment = run_environment(os.environ, home()) if pool.type == "process" else LONG_RUNS
    variables["env"] = {**environment, **variables.get("env", {})}
    try:
        deployment = RunnerDeployment.from_entrypoint(
            declared.entrypoint,
            name=declared.name,
            description=declared.description,
            tags=list(declared.tags),
            parameters=declared.parameters,
            concurrency_limit=ConcurrencyLimitConfig(
                **declared.concurrency_limit.model_dump(mode="json")
            ),
            work_pool_name=pool.name,
            work_queue_name=placed.work_queue,
            job_variables=variables,
        )
    except (ImportError, AttributeError, ScriptError) as error:
        raise ConfigError(
            f"deployment {declared.name}",
            f"expected a flow at {declared.entrypoint}, got: {error}",
            "Correct its entrypoint in prefect.yaml.",
        ) from error
    deployment.storage = _working_in(str(Path.cwd()) if pool.type == "process" else ".")
    return deployment


def _working_in(directory: str) -> Any:
    """What makes runs work in a directory; without it, a worker copies the whole of it for each run.

    Args:
        directory: a relative one starts where the run's process or container does.
    """
    from prefect.runner.storage import LocalStorage

    class WorkingIn(LocalStorage):
        def to_pull_step(self) -> dict[str, Any]:
            return {"prefect.deployments.steps.set_working_directory": {"directory": directory}}

    return WorkingIn(directory)


def _apply(
    client: SyncPrefectClient, declared: DeclaredDeployment, deployment: RunnerDeployment
) -> Deployed:
    from prefect.deployments.runner import DeploymentApplyError
    from prefect.settings import get_current_settings

    existing = _existing_schedules(client, deployment.full_name)
    switched = {one.slug: one.active for one in existing}
    default = _is_configured(declared.name)
    active = {one.slug: switched.get(one.slug, one.active or default) for one in declared.schedules}
    if declared.schedules:
        ours = [_schedule(one, active[one.slug]) for one in declared.schedules]
        deployment.schedules = [*ours, *_of_people(existing)]
    try:
        identity = deployment.apply()
    except DeploymentApplyError as error:
        raise PrefectError(
            f"deployment {declared.name}", f"refused: {error}", "Correct it in prefect.yaml."
        ) from error
    ui = get_current_settings().ui_url
    return Deployed(
        name=deployment.full_name,
        form=f"{ui}/deployments/deployment/{identity}/run" if ui else "",
        schedules={_in_words(one): active[one.slug] for one in declared.schedules},
    )


def _existing_schedules(client: SyncPrefectClient, full_name: str) -> list[DeploymentSchedule]:
    from prefect.exceptions import ObjectNotFound

    try:
        return list(client.read_deployment_by_name(full_name).schedules)
    except ObjectNotFound:
        return []


def _of_people(existing: Sequence[DeploymentSchedule]) -> list[DeploymentScheduleCreate]:
    """Schedules that were added in the UI, without a slug: Prefect would replace them by ours."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate

    return [
        DeploymentScheduleCreate(
            schedule=one.schedule,
            active=one.active,
            max_scheduled_runs=one.max_scheduled_runs,
            parameters=one.parameters,
        )
        for one in existing
        if one.slug is None
    ]


def _is_configured(name: str) -> bool:
    folder, own = NEED_OWN_FILES.get(name), own_configurations()
    return folder is not None and own is not None and any((own / folder).glob("*.yaml"))


def _schedule(declared: DeclaredSchedule, active: bool) -> DeploymentScheduleCreate:
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule

    when = (
        CronSchedule(cron=declared.cron, timezone=declared.timezone)
        if declared.interval is None
        else IntervalSchedule(interval=timedelta(seconds=declared.interval))
    )
    return DeploymentScheduleCreate(
        schedule=when, active=active, slug=declared.slug, parameters=declared.parameters
    )


def _in_words(schedule: DeclaredSchedule) -> str:
    if schedule.interval is not None:
        return schedule.slug
    return f"{schedule.slug} ({schedule.cron} {schedule.timezone})"
