"""Which GPUs a deployment asks for by a tag, and what that means in each kind of work pool.

`gpu` asks for any one, `gpu:h100` for one of a kind, `gpu:h100:4` for four. A kind is whatever the
team calls it: in Kubernetes the label `pawl/gpu` of nodes, elsewhere the work queue that workers on
machines with such GPUs poll (`prefect worker start --pool POOL --work-queue gpu-h100`).

Does: turn tags into a work queue and job variables; pure. Does not: know what GPUs there are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from configs.errors import ConfigError
from configs.stack import PoolType

TAG = re.compile(r"gpu(?::(?P<kind>[a-z][a-z0-9-]{0,30}))?(?::(?P<count>[1-9]|1[0-6]))?")
NODE_LABEL = "pawl/gpu"
GPU_RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True)
class Placement:
    """Where the runs of a deployment go."""

    work_queue: str | None = None
    """Queue within the pool; None for the pool's own."""
    job_variables: dict[str, Any] = field(default_factory=dict)
    """For the base job templates in configs/work_pools."""


def place(tags: Iterable[str], pool_type: PoolType) -> Placement:
    """Where tags send the runs of a deployment; without a tag about GPUs, nowhere in particular.

    Raises:
        ConfigError: when a tag that begins with `gpu` is malformed, or there are two.
    """
    found = [tag for tag in tags if tag == "gpu" or tag.startswith("gpu:")]
    if not found:
        return Placement()
    matched = TAG.fullmatch(found[0])
    if len(found) > 1 or matched is None:
        raise ConfigError(
            f"tags {', '.join(found)}",
            "expected one tag such as gpu, gpu:h100 or gpu:h100:4 (at most 16)",
            "Correct the deployment's tags.",
        )
    kind, count = matched["kind"], int(matched["count"] or 1)
    queue = f"gpu-{kind}" if kind else "gpu"
    if pool_type == "kubernetes":
        return Placement(queue, _kubernetes(kind, count))
    if pool_type == "docker":
        request = {"Driver": "nvidia", "Count": count, "Capabilities": [["gpu"]]}
        return Placement(queue, {"container_create_kwargs": {"device_requests": [request]}})
    return Placement(queue)


def _kubernetes(kind: str | None, count: int) -> dict[str, Any]:
    taint = {"key": GPU_RESOURCE, "operator": "Exists", "effect": "NoSchedule"}
    variables: dict[str, Any] = {"gpu_count": count, "tolerations": [taint]}
    if kind is not None:
        variables["node_selector"] = {NODE_LABEL: kind}
    return variables
