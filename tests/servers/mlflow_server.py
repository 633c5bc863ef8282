"""An MLflow server."""

import os
import sys
from contextlib import contextmanager

from tests.servers.processes import (
    await_answer,
    free_port,
    kill_group,
    listens,
    start_process,
)

LIGHT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
"""Its job runners are nine processes that look for work all the time; Pawl gives them none."""


@contextmanager
def mlflow_server(directory, backend_uri):
    """Start a server on a database whose tables exist or will be made; yields its address."""
    port = free_port()
    server = start_mlflow(directory, backend_uri, port)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_group(server)


def start_mlflow(directory, backend_uri, port):
    """Start a server and wait until it answers; returns its process."""
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port),
        *("--backend-store-uri", backend_uri, "--workers", "1"),
        *("--artifacts-destination", directory / "artifacts"),
    ]
    log = directory / "log"
    server = start_process(command, log=log, cwd=directory, env=os.environ | LIGHT)
    try:
        await_answer(lambda: listens(port), server, log)
    except BaseException:
        kill_group(server)
        raise
    return server
