"""What runs of a deployment inherit from whoever deploys it: directory and environment.

Does: hand on Pawl's settings to runs in a process pool, which work in the same directories.
Does not: hand on passwords, which Prefect would show in the UI; workers need those themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

PATHS = ("PAWL_DATA", "PAWL_CONFIGS")
"""Made absolute, for runs may start elsewhere."""
ADDRESS = "MLFLOW_TRACKING_URI"
LONG_RUNS = {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30", "PREFECT_CLIENT_MAX_RETRIES": "8"}
"""What configs/automations/mark-vanished-runs.yaml counts on, and patience with a restarting server."""


def run_environment(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """Environment variables of runs in a process pool.

    Args:
        environment: of whoever deploys.
        home: where Pawl keeps its files, absolute.
    """
    found = {"PAWL_HOME": str(home), **LONG_RUNS}
    found |= {name: str(Path(environment[name]).resolve()) for name in PATHS if name in environment}
    address = environment.get(ADDRESS)
    if address and not has_password(address):
        found[ADDRESS] = address
    return found


def has_password(address: str) -> bool:
    """Whether a URI carries one."""
    return urlsplit(address).password is not None
