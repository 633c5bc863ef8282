"""The programs of a stack: what each is started with, and how one knows that it answers.

Does: turn settings into command lines and environments; pure. Does not: start them.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import configs
from configs.errors import ConfigError
from configs.stack import StackConfig
from flows.stack.credentials import Credentials
from flows.stack.keeper import Limits

PYTHON = (sys.executable, "-m")
WORK_POOLS = Path(configs.__file__).parent / "work_pools"
HEARTBEAT_S = "30"
"""The shortest that Prefect takes; what notices vanished runs waits for a few of them."""
QUERY_S = "3"
"""How often a worker looks for runs, in place of every 10 s: somebody may wait before a form."""
LEASES_ON_DISK = "prefect.server.concurrency.lease_storage.filesystem"
SERVER_LIMITS = Limits()
SERVERS_OWN = (
    "PREFECT_SERVER_", "PREFECT_API_DATABASE_", "MLFLOW_BACKEND_STORE_", "MLFLOW_REGISTRY_STORE_",
    "MLFLOW_AUTH_", "MLFLOW_FLASK_SERVER_",
)  # fmt: skip
"""Settings of servers, passwords of databases among them. A worker of Docker or Kubernetes would write
every setting of Prefect's that it has into the containers and manifests of its jobs."""
PASSWORD_OF_JOBS = (
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_NAME",
    "PREFECT_INTEGRATIONS_KUBERNETES_WORKER_API_AUTH_STRING_SECRET_KEY",
)
"""The secret of the cluster that jobs have Prefect's password from, in place of their manifests."""
WORKER_LIMITS = Limits(grace_s=5.0, patience_s=30.0, children_first=True)
"""The patience is for training to write a checkpoint."""


@dataclass(frozen=True)
class Program:
    """One program that is kept running."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str]
    """All of it, not additions."""
    limits: Limits = SERVER_LIMITS
    health_url: str | None = None
    """Answers 200 once the program is ready; None: ready as soon as it runs."""
    worker_name: str | None = None
    """For a worker: what it calls itself on the server."""


@dataclass(frozen=True)
class StackPlan:
    """Everything that `pawl up` starts."""

    servers: tuple[Program, ...]
    deploy: Program | None
    """Ends by itself."""
    workers: tuple[Program, ...]
    client_environment: Mapping[str, str]
    """How later commands on this machine reach the servers."""


def plan_stack(
    config: StackConfig,
    home: Path,
    given: Mapping[str, str],
    credentials: Credentials | None,
) -> StackPlan:
    """What to start for these settings.

    Args:
        home: Pawl's directory; embedded databases, artifacts and results are kept below it.
        given: environment of the caller. Databases, artifact store and tuning named there win over
            the embedded ones: `PREFECT_SERVER_DATABASE_CONNECTION_URL`, `MLFLOW_BACKEND_STORE_URI`,
            `MLFLOW_ARTIFACTS_DESTINATION`, and any other setting that Pawl only has a default for.
        credentials: what both servers ask for; None for no authentication.
    Raises:
        ConfigError: when others would reach servers that ask for no password, or would read the
            password in the manifests of jobs.
    """
    missing = [name for name in PASSWORD_OF_JOBS if not given.get(name)]
    if credentials is not None and config.pool_type == "kubernetes" and config.workers and missing:
        raise ConfigError(
            "--auth",
            f"expected {' and '.join(missing)}, or everybody who may read jobs reads the password",
            "Keep PREFECT_API_AUTH_STRING in a secret of the cluster and name it there.",
        )
    if credentials is None and not config.is_loopback:
        raise ConfigError(
            f"--host {config.host}",
            "expected authentication on servers that other machines reach, got none",
            "Add --auth, which makes passwords, or listen on 127.0.0.1.",
        )
    client = client_environment(config, home, given, credentials)
    theirs = {name: value for name, value in given.items() if not name.startswith(SERVERS_OWN)}
    everywhere = {
        **theirs,
        **client,
        "PAWL_HOME": str(home),
        "PREFECT_HOME": str(prefect_home(home)),
    }
    deploy = Program(
        "deploy",
        (*PYTHON, "flows.cli", "deploy", "--pool", config.pool, "--pool-type", config.pool_type),
        everywhere,
    )
    return StackPlan(
        servers=(
            prefect_server(config, home, given, credentials),
            mlflow_server(config, home, given, credentials),
        ),
        deploy=deploy if config.deploy else None,
        workers=tuple(_worker(config, number, everywhere) for number in range(config.workers)),
        client_environment=client,
    )


def client_environment(
    config: StackConfig, home: Path, given: Mapping[str, str], credentials: Credentials | None
) -> dict[str, str]:
    """Settings by which a process on this machine uses both servers."""
    found = {
        "PREFECT_API_URL": f"{config.local_url(config.prefect_port)}/api",
        "PREFECT_UI_URL": config.public_url(config.prefect_port),
        "MLFLOW_TRACKING_URI": config.local_url(config.mlflow_port),
    }
    for name, default in (
        ("PREFECT_LOCAL_STORAGE_PATH", str(home / "results")),
        ("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", HEARTBEAT_S),
    ):
        found[name] = given.get(name, default)
    if credentials is not None:
        found |= {
            "PREFECT_API_AUTH_STRING": credentials.prefect,
            "MLFLOW_TRACKING_USERNAME": credentials.mlflow_user,
            "MLFLOW_TRACKING_PASSWORD": credentials.mlflow_password,
        }
    return found


def prefect_server(
    config: StackConfig, home: Path, given: Mapping[str, str], credentials: Credentials | None
) -> Program:
    """Prefect's API, UI and services."""
    port = config.prefect_port
    defaults = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # SQLite: 50 task runs take 1.2 s instead of 3.1 s to be recorded. Prefect 3.8.8 cuts the
        # interval to whole seconds, and spins on a core when that gives 0.
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
        "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
        # In memory, a restart of the server would leak every slot in use for ever.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": LEASES_ON_DISK,
        "PREFECT_SERVER_API_CORS_ALLOWED_ORIGINS": ",".join(config.origins(port)),
        # Relative, so that the page works under whatever name it was opened.
        "PREFECT_UI_API_URL": "/api",
        "PREFECT_UI_URL": config.public_url(port),
    }
    environment = {
        **defaults,
        **given,
        "PREFECT_HOME": str(prefect_home(home)),
        "PREFECT_API_URL": f"{config.local_url(port)}/api",
    }
    if credentials is not None:
        environment["PREFECT_SERVER_API_AUTH_STRING"] = credentials.prefect
        environment["PREFECT_API_AUTH_STRING"] = credentials.prefect
    return Program(
        "prefect",
        (*PYTHON, "prefect", "server", "start", "--host", config.host, "--port", str(port)),
        environment,
        health_url=f"{config.local_url(port)}/api/health",
    )


def mlflow_server(
    config: StackConfig, home: Path, given: Mapping[str, str], credentials: Credentials | None
) -> Program:
    """MLflow's tracking server and registry."""
    port = config.mlflow_port
    artifacts = home / "mlartifacts"
    defaults = {
        "MLFLOW_BACKEND_STORE_URI": f"sqlite:///{home / 'mlflow.db'}",
        "MLFLOW_ARTIFACTS_DESTINATION": str(artifacts),
        "MLFLOW_SERVE_ARTIFACTS": "true",
        "MLFLOW_WORKERS": "1",
        # Its job runners serve features that Pawl does not use.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "MLFLOW_SERVER_ALLOWED_HOSTS": ",".join(config.host_headers(port)),
        "MLFLOW_SERVER_CORS_ALLOWED_ORIGINS": ",".join(config.origins(port)),
    }
    if config.is_loopback and "MLFLOW_ARTIFACTS_DESTINATION" not in given:
        # Whoever uses it is on this machine: evidence stays readable when no server runs.
        defaults["MLFLOW_DEFAULT_ARTIFACT_ROOT"] = artifacts.as_uri()
    mine = {name: value for name, value in given.items() if not name.startswith("MLFLOW_TRACKING_")}
    environment = {**defaults, **mine}
    command: tuple[str, ...] = (
        *PYTHON,
        "mlflow",
        "server",
        "--host",
        config.host,
        "--port",
        str(port),
    )
    if credentials is not None:
        command += ("--app-name", "basic-auth")
        environment |= {
            "MLFLOW_AUTH_CONFIG_PATH": str(mlflow_auth_file(home)),
            "MLFLOW_AUTH_ADMIN_USERNAME": credentials.mlflow_user,
            "MLFLOW_AUTH_ADMIN_PASSWORD": credentials.mlflow_password,
            "MLFLOW_FLASK_SERVER_SECRET_KEY": credentials.mlflow_secret_key,
        }
    return Program(
        "mlflow", command, environment, health_url=f"{config.local_url(port)}/health"
    )  # fmt: skip


def prefect_home(home: Path) -> Path:
    """Directory of Prefect's database, which holds the secrets of blocks with the key to them."""
    return home / "prefect"


def mlflow_auth_file(home: Path) -> Path:
    """Settings of MLflow's authentication."""
    return home / "stack" / "mlflow-auth.ini"


def mlflow_auth_settings(home: Path) -> str:
    """Content of `mlflow_auth_file`: who has no rights of their own may read, not change."""
    database = home / "stack" / "mlflow-accounts.db"
    return f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{database}\n"


def _worker(config: StackConfig, number: int, environment: Mapping[str, str]) -> Program:
    template = WORK_POOLS / f"{config.pool_type}.json"
    name = f"{socket.gethostname()}-{number}"
    return Program(
        f"worker-{number}",
        (
            *(*PYTHON, "prefect", "worker", "start", "--name", name),
            *("--pool", config.pool, "--type", config.pool_type),
            *("--limit", str(config.runs_per_worker), "--base-job-template", str(template)),
        ),
        {"PREFECT_WORKER_QUERY_SECONDS": QUERY_S, **environment},
        limits=WORKER_LIMITS,
        worker_name=name,
    )
