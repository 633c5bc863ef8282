"""Ask the Prefect server about itself.

Does: a few requests to its API; what it refuses to tell stays None. Does not: start a server.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from flows.doctor.date_header import clock_ahead_s
from flows.doctor.exposure import reached_from_elsewhere
from flows.doctor.facts import KnownAutomation, Limit, Prefect

TIMEOUT_S = 5
PAGE = 200
TAG = "pawl"
HEARTBEAT = "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"
ACTIVE_STATES = ("PENDING", "RUNNING", "CANCELLING")
REFUSED = (401, 403)
PICKED_UP_WITHIN = timedelta(minutes=5)
PICKED_UP_STARTS = range(1, 5)
"""As in configs/automations/pick-up-crashed-runs.yaml."""


def ask_prefect() -> Prefect:
    """The server that this process's settings name, and those settings."""
    import prefect
    from prefect.settings import get_current_settings

    settings = get_current_settings()
    client_version, heartbeat = prefect.__version__, settings.flows.heartbeat_frequency
    address = settings.api.url
    if not address:
        return Prefect(None, client_version, heartbeat)
    headers = {}
    auth: httpx.BasicAuth | None = None
    if settings.api.key:
        headers["Authorization"] = f"Bearer {settings.api.key.get_secret_value()}"
    elif settings.api.auth_string:
        user, _, password = settings.api.auth_string.get_secret_value().partition(":")
        auth = httpx.BasicAuth(user, password)
    try:
        with httpx.Client(base_url=address, timeout=TIMEOUT_S, headers=headers, auth=auth) as api:
            return _ask(api, address, client_version, heartbeat)
    except httpx.HTTPStatusError as error:
        problem = f"{error.request.url.path} answered {error.response.status_code}"
    except (httpx.HTTPError, ValueError) as error:
        problem = str(error) or type(error).__name__
    return Prefect(address, client_version, heartbeat, problem=problem)


def _ask(api: httpx.Client, address: str, client_version: str, heartbeat: int | None) -> Prefect:
    told = api.get("/admin/version")
    ahead_s = clock_ahead_s(told)
    told.raise_for_status()
    settings = _get(api, "/admin/settings")
    server, service = settings.get("server", {}), settings.get("server", {}).get("api", {})
    deployments = _filtered(api, "/deployments/filter", {"deployments": {"tags": {"all_": [TAG]}}})
    environments = [(one.get("job_variables") or {}).get("env", {}) for one in deployments]
    return Prefect(
        api_url=address,
        client_version=client_version,
        heartbeat_s=_rarest_heartbeat(environments, heartbeat),
        server_version=told.json(),
        needs_credentials=_needs_credentials(address),
        cors_origins=service.get("cors_allowed_origins"),
        lease_storage=server.get("concurrency", {}).get("lease_storage"),
        ui_url=settings.get("ui_url"),
        bound_to=reached_from_elsewhere(address) or service.get("host"),
        limits=tuple(
            Limit(one["name"], one["active_slots"])
            for one in _filtered(api, "/v2/concurrency_limits/filter", {})
        ),
        active_runs=_count_of_active_runs(api),
        left_crashed=_left_crashed(api),
        automations=tuple(_automation(one) for one in _filtered(api, "/automations/filter", {})),
        deployments=len(deployments),
        run_homes=frozenset(env["PAWL_HOME"] for env in environments if "PAWL_HOME" in env),
        pools_without_worker=_pools_without_worker(api, deployments),
        clock_ahead_s=ahead_s,
    )


def _get(api: httpx.Client, path: str) -> dict[str, Any]:
    answer = api.get(path)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found


def _filtered(api: httpx.Client, path: str, body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        answer = api.post(path, json={**body, "offset": len(found), "limit": PAGE})
        answer.raise_for_status()
        page = answer.json()
        found += page
        if len(page) < PAGE:
            return found


def _needs_credentials(address: str) -> bool:
    answer = httpx.get(f"{address}/admin/version", timeout=TIMEOUT_S)
    return answer.status_code in REFUSED


def _rarest_heartbeat(environments: list[dict[str, str]], local: int | None) -> int | None:
    """Seconds between heartbeats of the deployment that sends fewest; None if one sends none."""
    found = [int(env[HEARTBEAT]) if env.get(HEARTBEAT) else local for env in environments]
    known = [seconds for seconds in found or [local] if seconds is not None]
    return max(known) if len(known) == len(found or [local]) else None


def _count_of_active_runs(api: httpx.Client) -> int:
    state = {"type": {"any_": list(ACTIVE_STATES)}}
    answer = api.post("/flow_runs/count", json={"flow_runs": {"state": state}})
    answer.raise_for_status()
    return int(answer.json())


def _left_crashed(api: httpx.Client) -> tuple[str, ...]:
    now = datetime.now(UTC)
    ended = {"after_": str(now - timedelta(days=1)), "before_": str(now - PICKED_UP_WITHIN)}
    wanted = {
        "tags": {"all_": [TAG]}, "state": {"type": {"any_": ["CRASHED"]}}, "end_time": ended
    }  # fmt: skip
    runs = _filtered(api, "/flow_runs/filter", {"flow_runs": wanted})
    return tuple(sorted(run["name"] for run in runs if run["run_count"] in PICKED_UP_STARTS))


def _automation(found: dict[str, Any]) -> KnownAutomation:
    trigger = found["trigger"]
    return KnownAutomation(
        name=found["name"],
        enabled=found["enabled"],
        events=frozenset((*trigger.get("expect", ()), *trigger.get("after", ()))),
        proactive=trigger.get("posture") == "Proactive",
        within_s=float(trigger.get("within") or 0),
        runs_deployment=any(action["type"] == "run-deployment" for action in found["actions"]),
    )


def _pools_without_worker(api: httpx.Client, deployments: list[dict[str, Any]]) -> tuple[str, ...]:
    names = {one["work_pool_name"] for one in deployments} - {None}
    alone = []
    for name in sorted(names):
        answer = api.post(f"/work_pools/{name}/workers/filter", json={})
        answer.raise_for_status()
        if not any(worker.get("status") == "ONLINE" for worker in answer.json()):
            alone.append(name)
    return tuple(alone)
