"""Settings of the servers and workers that `pawl up` runs on this machine.

Does: validate them, and say which addresses they listen on and are reached at.
Does not: start anything (flows/stack/supervisor.py).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Literal

from pydantic import Field, model_validator

from configs.strict_model import StrictModel

PoolType = Literal["process", "docker", "kubernetes"]
GPU_LIMIT = "gpu"
"""Name of the global concurrency limit on the Prefect server; one slot stands for one GPU."""


class StackConfig(StrictModel):
    """What `pawl up` starts, and where it listens."""

    host: str = "127.0.0.1"
    """Address both servers listen on; anything but this machine itself needs `auth`."""
    address: str = ""
    """Name or address by which others reach this machine; empty: its host name."""
    prefect_port: int = Field(default=4200, ge=1, le=65535)
    """TCP port of Prefect's API and UI."""
    mlflow_port: int = Field(default=5000, ge=1, le=65535)
    """TCP port of MLflow."""
    workers: int = Field(default=1, ge=0, le=64)
    """Workers on this machine."""
    runs_per_worker: int = Field(default=1, ge=1)
    """Most flow runs that one worker executes at once."""
    pool: str = "default"
    """Work pool that the workers poll."""
    pool_type: PoolType = "process"
    """Where runs are executed: processes here, containers, or jobs of a cluster."""
    deploy: bool = True
    """Whether Pawl's deployments are brought to the server once it answers."""
    auth: bool = False
    """Whether both servers ask for a password."""

    @model_validator(mode="after")
    def _ports_differ(self) -> StackConfig:
        if self.prefect_port == self.mlflow_port:
            raise ValueError(f"prefect_port and mlflow_port are both {self.mlflow_port}")
        return self

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine itself reaches the servers."""
        return is_loopback(self.host)

    @property
    def local_host(self) -> str:
        """Host at which processes on this machine reach the servers."""
        if self.host == "::":
            return "::1"  # servers that listen there answer IPv6 alone
        return "127.0.0.1" if self.host in ("0.0.0.0", "localhost") else self.host

    @property
    def public_host(self) -> str:
        """Host at which people reach the servers; the local one when nobody else can."""
        if self.is_loopback:
            return self.local_host
        if self.address:
            return self.address
        return socket.gethostname() if self.host in ("0.0.0.0", "::") else self.host

    def local_url(self, port: int) -> str:
        """URL of a port for processes on this machine, without a path."""
        return _url(self.local_host, port)

    def public_url(self, port: int) -> str:
        """URL of a port for people, without a path."""
        return _url(self.public_host, port)

    def host_headers(self, port: int) -> tuple[str, ...]:
        """Every `Host` header by which a port is rightly asked for."""
        hosts = dict.fromkeys((self.local_host, "localhost", self.public_host))
        return tuple(_url(host, port).removeprefix("http://") for host in hosts)

    def origins(self, port: int) -> tuple[str, ...]:
        """Origins of the pages that a port itself serves."""
        return tuple(f"http://{header}" for header in self.host_headers(port))


def is_loopback(host: str) -> bool:
    """Whether an address or name means this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _url(host: str, port: int) -> str:
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
