"""Ask MLflow about itself.

Does: see whether it answers, under which names, and to whom. Does not: read any model.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from flows.doctor.date_header import clock_ahead_s
from flows.doctor.exposure import reached_from_elsewhere
from flows.doctor.facts import Mlflow
from registry.reachability import check_reachable, without_password

TIMEOUT_S = 5
QUESTION = "/api/2.0/mlflow/experiments/search"
FOREIGN_HOST = "not-a-name-of-this-server.example"
INVALID_HOST = "Invalid Host header"
REFUSED = (401, 403)


def ask_mlflow(tracking_uri: str, environment: Mapping[str, str]) -> Mlflow:
    """MLflow at an address.

    Args:
        environment: where MLFLOW_TRACKING_USERNAME, _PASSWORD and _TOKEN are looked up.
    """
    shown = without_password(tracking_uri)
    file = tracking_uri.removeprefix("sqlite:///")
    if file != tracking_uri and not Path(file).exists():
        return Mlflow(shown)  # asking would make the file
    try:
        check_reachable(tracking_uri)
    except ModuleNotFoundError as error:
        return Mlflow(shown, driver_missing=error.name or str(error))
    except ConnectionError as error:
        return Mlflow(shown, problem=without_password(str(error)).strip().partition("\n")[0])
    if not tracking_uri.startswith(("http://", "https://")):
        return Mlflow(shown)
    try:
        return _ask_server(tracking_uri.rstrip("/"), shown, environment)
    except (httpx.HTTPError, ValueError) as error:
        return Mlflow(shown, problem=str(error) or type(error).__name__)


def _ask_server(address: str, shown: str, environment: Mapping[str, str]) -> Mlflow:
    url = f"{address}{QUESTION}"
    options: dict[str, Any] = {"params": {"max_results": 1}, "timeout": TIMEOUT_S}
    anonymous = httpx.get(url, **options)
    ahead_s = clock_ahead_s(anonymous)
    ours = httpx.get(url, **options, **_credentials(environment))
    foreign = httpx.get(
        url, **options, headers={"Host": FOREIGN_HOST, **_token(environment)}
    )  # fmt: skip
    refuses_our_host = INVALID_HOST in ours.text
    problem = None
    if ours.status_code >= 400 and not refuses_our_host:
        problem = f"it answered {ours.status_code} to our credentials"
    return Mlflow(
        shown,
        problem=problem,
        refuses_our_host=refuses_our_host,
        accepts_foreign_host=INVALID_HOST not in foreign.text,
        needs_credentials=None if refuses_our_host else anonymous.status_code in REFUSED,
        bound_to=reached_from_elsewhere(address),
        clock_ahead_s=ahead_s,
    )


def _credentials(environment: Mapping[str, str]) -> dict[str, Any]:
    if user := environment.get("MLFLOW_TRACKING_USERNAME"):
        return {"auth": (user, environment.get("MLFLOW_TRACKING_PASSWORD", ""))}
    return {"headers": _token(environment)}


def _token(environment: Mapping[str, str]) -> dict[str, str]:
    token = environment.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}
