"""What is known about an installation, as plain values.

Does: name the facts. Does not: find them out (flows/doctor/gather.py) or judge them
(flows/doctor/checks.py). None stands for what could not be found out.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Requirement:
    """A library that is not in the version that Pawl needs."""

    needed: str
    """As in the package's metadata, such as `fastapi<0.151,>=0.139`."""
    installed: str | None
    """Version; None if it is not installed."""


@dataclass(frozen=True)
class Machine:
    """This machine and its Python."""

    python: tuple[int, int]
    unmet: tuple[Requirement, ...] = ()
    gpu_devices: tuple[str, ...] = ()
    """Device files of GPUs, such as /dev/nvidia0."""
    torch: str | None = None
    """Version; None if it is not installed."""
    torch_accelerator: str | None = None
    """CUDA or ROCm version that torch was built for; None for a CPU build."""


@dataclass(frozen=True)
class Home:
    """Directory of cached steps, weights and pins."""

    path: str
    chosen: bool
    """Whether PAWL_HOME names it; otherwise it is `.pawl` of whatever directory one is in."""
    problem: str | None = None
    """Why nothing can be written there."""
    free_bytes: int | None = None
    largest_weights_bytes: int = 0
    """Of the largest model kept there; 0 without any."""


@dataclass(frozen=True)
class Limit:
    """A global concurrency limit of Prefect."""

    name: str
    active_slots: int


@dataclass(frozen=True)
class KnownAutomation:
    """An automation of the Prefect server."""

    name: str
    enabled: bool
    events: frozenset[str] = frozenset()
    """Events that it waits for, whether they start it or stop it."""
    proactive: bool = False
    within_s: float = 0
    runs_deployment: bool = False


@dataclass(frozen=True)
class Prefect:
    """The Prefect server that runs are recorded on, and this machine's settings for it."""

    api_url: str | None
    """None: each process starts a server of its own, which ends with it."""
    client_version: str = ""
    heartbeat_s: int | None = None
    """Seconds between heartbeats of runs, as deployments or this machine set it; None: none."""
    problem: str | None = None
    """Why the server could not be asked."""
    server_version: str | None = None
    needs_credentials: bool | None = None
    """Whether a request without credentials is refused."""
    cors_origins: str | None = None
    lease_storage: str | None = None
    ui_url: str | None = None
    """Address that the server puts into links of messages."""
    bound_to: str | None = None
    """Address that it listens on, as far as that is known."""
    limits: tuple[Limit, ...] = ()
    active_runs: int | None = None
    """Runs that are pending, running or being cancelled."""
    left_crashed: tuple[str, ...] = ()
    """Names of the last day's crashed runs that should have been picked up minutes ago."""
    automations: tuple[KnownAutomation, ...] = ()
    deployments: int = 0
    """How many have the tag `pawl`."""
    run_homes: frozenset[str] = frozenset()
    """PAWL_HOME that those deployments set for their runs."""
    pools_without_worker: tuple[str, ...] = ()
    """Work pools of those deployments that no worker polls."""
    clock_ahead_s: float | None = None
    """Server's clock minus this machine's, in seconds."""

    @property
    def remote(self) -> bool:
        """Whether others can reach it."""
        return bool(self.api_url) and not (is_loopback(self.api_url) and is_loopback(self.bound_to))

    @property
    def answered(self) -> bool:
        """Whether there is a server and it told what it was asked."""
        return self.api_url is not None and self.problem is None


@dataclass(frozen=True)
class Mlflow:
    """The MLflow that keeps models and evidence."""

    uri: str
    """Without a password."""
    problem: str | None = None
    driver_missing: str | None = None
    """Python module that the database's address asks for and that is not installed."""
    refuses_our_host: bool | None = None
    accepts_foreign_host: bool | None = None
    needs_credentials: bool | None = None
    bound_to: str | None = None
    """Address by which others reach it, where its URI is one of this machine alone."""
    clock_ahead_s: float | None = None

    @property
    def is_server(self) -> bool:
        """Whether it is an MLflow server rather than a database."""
        return self.uri.startswith(("http://", "https://"))

    @property
    def is_shared(self) -> bool:
        """Whether other machines can use it."""
        return "://" in self.uri and not (
            self.uri.startswith(("sqlite", "file:")) or is_loopback(self.uri)
        )


@dataclass(frozen=True)
class Facts:
    """Everything that the checks look at."""

    machine: Machine
    home: Home
    prefect: Prefect
    mlflow: Mlflow


def is_loopback(address: str | None) -> bool:
    """Whether an address (URL, host, host:port) is this machine alone. True for None: not known."""
    if not address:
        return True
    host = urlsplit(address if "//" in address else f"//{address}").hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
