"""The work pool that deployments send their runs to, and the limit on GPUs that all runs share.

Does: create what is missing. Does not: change what is there, unless asked to.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import configs
from configs.errors import PrefectError
from configs.stack import GPU_LIMIT, PoolType

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

BASE_JOB_TEMPLATES = Path(configs.__file__).parent / "work_pools"


@dataclass(frozen=True)
class Pool:
    """The work pool that runs are sent to."""

    name: str
    type: PoolType = "process"
    limit: int | None = None
    """Most runs at once; None for no limit."""


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


def ensure_gpu_limit(client: SyncPrefectClient, slots: int | None) -> int:
    """Create the limit on GPUs with one slot unless it exists; change it if a number is given.

    Args:
        slots: pieces of work that may use a GPU at once, over all workers; None leaves a limit that
            exists as it is.
    Returns:
        The slots that there are now.
    """
    from prefect.exceptions import ObjectNotFound

    if slots is None:
        try:
            return client.read_global_concurrency_limit_by_name(GPU_LIMIT).limit
        except ObjectNotFound:
            slots = 1
    client.upsert_global_concurrency_limit_by_name(GPU_LIMIT, slots)
    return slots
