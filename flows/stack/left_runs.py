"""Runs that a worker of this stack left behind when it died or was stopped.

A worker that is killed says nothing to the server: its runs stay `Running`, and those that it had
taken but not begun stay `Pending`, for ever. Here one knows better, for a worker's keeper ends all
that it started.

Does: find such runs and say what becomes of them: what had begun has crashed, and is picked up like
any other crash; what had not begun is scheduled again. Does not: look at workers elsewhere, or know
runs that outlive their worker, as containers and jobs of a cluster do.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

UNCLAIMED_AFTER_S = 60.0
"""A worker names itself on a run within moments of taking it; one that did not is dead."""
TIMEOUT_S = 10.0
PAGE = 200
WORKER_LABEL = "prefect.worker.name"
STOPPED = math.inf
"""Start of a worker that does not run: later than anything that it did."""


@dataclass(frozen=True)
class OpenRun:
    """A run that the server believes is in somebody's hands."""

    id: str
    state: str
    """PENDING or RUNNING."""
    since_s: float
    """When it got into that state, in seconds since 1970 by the server's clock."""
    worker: str | None
    """Name of the worker that took it, once that said so."""


def left_behind(
    runs: Iterable[OpenRun], started: Mapping[str, float], now_s: float
) -> list[OpenRun]:
    """Those whose worker's process is gone.

    Args:
        started: for each worker of this stack when its present process started, in seconds since
            1970; `STOPPED` if there is none.
        now_s: seconds since 1970.
    """
    return [
        run
        for run in runs
        if run.since_s < started.get(run.worker or "", -math.inf)
        or (
            run.worker is None
            and run.state == "PENDING"
            and now_s - run.since_s > UNCLAIMED_AFTER_S
        )
    ]


def put_back(api: httpx.Client, pool: str, started: Mapping[str, float]) -> int:
    """Say of every run that was left behind in a work pool what became of it; returns how many.

    Args:
        api: client whose base URL is Prefect's API.
        started: as of `left_behind`.
    Raises:
        httpx.HTTPError: when the server is away; the next call finds the same runs.
    """
    found = left_behind(_open_runs(api, pool), started, datetime.now(UTC).timestamp())
    for run in found:
        answer = api.post(f"/flow_runs/{run.id}/set_state", json=_fate(run))
        answer.raise_for_status()
    return len(found)


def api_client(environment: Mapping[str, str]) -> httpx.Client:
    """A client of the server that these settings name."""
    user, _, password = environment.get("PREFECT_API_AUTH_STRING", "").partition(":")
    return httpx.Client(
        base_url=environment["PREFECT_API_URL"],
        auth=(user, password) if user else None,
        timeout=TIMEOUT_S,
    )


def _open_runs(api: httpx.Client, pool: str) -> list[OpenRun]:
    wanted = {
        "flow_runs": {"state": {"type": {"any_": ["PENDING", "RUNNING"]}}},
        "work_pools": {"name": {"any_": [pool]}},
        "limit": PAGE,
    }
    found: list[OpenRun] = []
    while True:
        answer = api.post("/flow_runs/filter", json={**wanted, "offset": len(found)})
        answer.raise_for_status()
        page = answer.json()
        found += [_open_run(run) for run in page]
        if len(page) < PAGE:
            return found


def _open_run(run: Mapping[str, Any]) -> OpenRun:
    since = datetime.fromisoformat(run["state"]["timestamp"])
    worker = (run.get("labels") or {}).get(WORKER_LABEL)
    return OpenRun(run["id"], run["state_type"], since.timestamp(), worker)


def _fate(run: OpenRun) -> dict[str, Any]:
    if run.state == "RUNNING":
        state = {"type": "CRASHED", "message": "Its worker ended before it did."}
        return {"state": state, "force": False}
    state = {
        "type": "SCHEDULED",
        "name": "AwaitingRetry",
        "message": "Its worker ended before it began.",
    }
    return {"state": state, "force": True}
