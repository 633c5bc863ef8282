"""Bring a home's stack up, and down.

Does: check the ports, prepare files, run the supervisor, tell people the addresses.
Does not: decide what is started (flows/stack/plan.py) or keep it running (flows/stack/supervisor.py).
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path

import httpx
from rich.markup import escape

from configs.errors import ConfigError, StackError
from configs.stack import StackConfig
from flows import console
from flows.stack.credentials import credentials, write_secret
from flows.stack.left_runs import api_client, put_back
from flows.stack.plan import (
    StackPlan,
    mlflow_auth_file,
    mlflow_auth_settings,
    plan_stack,
    prefect_home,
)
from flows.stack.running import only_stack, running_stack, stack_directory, tell_addresses
from flows.stack.supervisor import Supervisor

STOP_PATIENCE_S = 120.0
"""Longer than workers whose training writes a checkpoint and, after them, both servers may take."""


def run_stack(config: StackConfig, home: Path) -> None:
    """Run a stack in the foreground until it is told to stop.

    Raises:
        ConfigError: when others would reach servers that ask for no password, or would read it.
        StackError: when a stack runs on this home already, a port is in use, or a program does not
            start.
    """
    directory = stack_directory(home)
    if config.auth:
        _need_authentication_of_mlflow()
        directory.mkdir(parents=True, exist_ok=True)
        kept = credentials(directory / "credentials.json", os.environ)
    else:
        kept = None
    plan = plan_stack(config, home, os.environ, kept)
    with only_stack(home):
        for port, option in (
            (config.prefect_port, "--prefect-port"),
            (config.mlflow_port, "--mlflow-port"),
        ):
            need_free_port(config.host, port, option)
        write_secret(mlflow_auth_file(home), mlflow_auth_settings(home))
        prefect_home(home).mkdir(exist_ok=True)
        prefect_home(home).chmod(0o700)
        if "MLFLOW_BACKEND_STORE_URI" not in os.environ:
            _write_ahead(home / "mlflow.db")
        supervisor = Supervisor(
            directory,
            say=lambda message: console.say(escape(message)),
            settle=lambda started: _put_back(config, plan, started),
        )
        supervisor.run(plan, when_ready=lambda: _tell(config, home, plan))
    console.say("Stopped.")


def stop_stack(home: Path) -> str:
    """Stop the stack of a home; returns what to tell.

    Raises:
        StackError: when it did not stop within two minutes.
    """
    found = running_stack(home)
    if found is None:
        return f"No stack runs on {home}."
    os.kill(found.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_PATIENCE_S
    while running_stack(home) is not None:
        if time.monotonic() > deadline:
            raise StackError(
                str(home),
                f"expected process {found.pid} to stop within {STOP_PATIENCE_S:.0f} s, it did not",
                f"kill -9 {found.pid}; what it started ends with it.",
            )
        time.sleep(0.1)
    return f"Stopped the stack on {home}."


def need_free_port(host: str, port: int, option: str) -> None:
    """Check that a server can listen.

    Raises:
        StackError: naming the option when it cannot, or the host when nobody knows it.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise StackError(
            f"--host {host}",
            f"expected a name or address of this machine, got one that is unknown: {error.strerror}",
            "Correct it; 0.0.0.0 means all of them.",
        ) from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            found = "in use" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
            raise StackError(
                f"{option} {port}",
                f"expected a port of {host} to listen on, got one that is {found}",
                f"Stop what listens there, or name another port with {option}.",
            ) from error


def _need_authentication_of_mlflow() -> None:
    if find_spec("flask_wtf") is None:
        raise ConfigError(
            "--auth",
            "expected Flask-WTF, which MLflow's authentication needs, got none",
            "pip install Flask-WTF",
        )


def _write_ahead(database: Path) -> None:
    """Let readers of MLflow's SQLite file not wait for its writers; the file remembers it."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


def _put_back(config: StackConfig, plan: StackPlan, started: Mapping[str, float]) -> None:
    # Containers and jobs of a cluster go on without their worker: of those, only heartbeats tell.
    if not started or config.pool_type != "process":
        return
    try:
        with api_client(plan.client_environment) as api:
            number = put_back(api, config.pool, started)
    except httpx.HTTPError:
        return  # the server is away, or has no such pool yet; the same runs are found again
    if number:
        console.say(f"Runs that a worker left behind, put back: {number}")


def _tell(config: StackConfig, home: Path, plan: StackPlan) -> None:
    path = tell_addresses(home, plan.client_environment)
    console.say(f"Prefect {config.public_url(config.prefect_port)}")
    console.say(f"MLflow  {config.public_url(config.mlflow_port)}")
    if config.auth:
        console.say(f"Passwords are in {stack_directory(home) / 'credentials.json'}")
    console.say(f"Logs are in {stack_directory(home)}; for other programs: . {path}")
    for name in ("PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        if os.environ.get(name, plan.client_environment[name]) != plan.client_environment[name]:
            console.say(
                f"{name} is {os.environ[name]} in this shell: commands here use that, not this stack."
            )
