"""An MLflow server."""

import sys
from contextlib import contextmanager

from tests.servers.processes import (
    await_answer,
    free_port,
    kill_group,
    listens,
    start_process,
)


@contextmanager
def mlflow_server(directory, backend_uri):
    """Start a server on a database whose tables exist or will be made; yields its address."""
    port = free_port()
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", port),
        *("--backend-store-uri", backend_uri, "--workers", "1"),
        *("--artifacts-destination", directory / "artifacts"),
    ]
    server = start_process(command, log=directory / "log", cwd=directory)
    try:
        await_answer(lambda: listens(port), server, directory / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        kill_group(server)
