"""A Prefect server and its workers, which a test may kill and start again."""

import os
import shutil
import sqlite3
import sys
import time

import httpx

from tests.servers.processes import await_answer, free_port, kill_group, start_process

OUTSIDE = ("PAWL_", "PREFECT_", "MLFLOW_", "OPENAI_")
QUICK = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_READ_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "5",
    "PREFECT_SERVER_REGISTER_BLOCKS_ON_START": "false",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_WORKER_QUERY_SECONDS": "1",
    "PREFECT_LOGGING_TO_API_BATCH_INTERVAL": "1",
}


BUSY_ATTEMPTS = 20
"""Prefect answers 503 while its SQLite file is locked; its own clients ask again too."""


class PrefectServer:
    """`prefect server start` on a database of its own, in a directory that survives it."""

    def __init__(self, directory, *, database_url=None, ui=False, settings=None):
        """
        Args:
            directory: PREFECT_HOME of server, workers and clients.
            database_url: such as `postgresql+asyncpg://...`; without one, SQLite in `directory`.
            ui: whether the browser's interface is served too.
            settings: further environment variables of all processes.
        """
        self.directory, self.ui = directory, ui
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.api_url = f"{self.url}/api"
        self.log = directory / "server.log"
        self.process = None
        self.workers = []
        database = database_url or f"sqlite+aiosqlite:///{directory / 'prefect.db'}"
        self.settings = QUICK | {
            "PREFECT_HOME": str(directory),
            "PREFECT_API_URL": self.api_url,
            "PREFECT_UI_API_URL": self.api_url,
            "PREFECT_API_DATABASE_CONNECTION_URL": database,
            "PREFECT_LOCAL_STORAGE_PATH": str(directory / "results"),
            **(settings or {}),
        }

    def environment(self, **more):
        """Environment of a process that talks to this server, clean of the caller's settings."""
        clean = {k: v for k, v in os.environ.items() if not k.startswith(OUTSIDE)}
        return clean | self.settings | {k: str(v) for k, v in more.items()}

    def start(self):
        """Start (again) and wait until it answers."""
        command = [sys.executable, "-m", "prefect", "server", "start"]
        command += ["--host", "127.0.0.1", "--port", self.port]
        command += [] if self.ui else ["--no-ui"]
        self.process = start_process(command, log=self.log, env=self.environment())
        await_answer(self._answers, self.process, self.log)
        return self

    def _answers(self):
        try:
            return httpx.get(f"{self.api_url}/health", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self):
        """SIGKILL, as a crash of the machine would."""
        kill_group(self.process)

    def start_worker(self, pool="default", **environment):
        """Start a process worker of a pool (created if there is none); returns the process."""
        number = len(self.workers)
        command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool]
        command += ["--type", "process", "--name", f"worker-{number}"]
        log = self.directory / f"worker-{number}.log"
        worker = start_process(command, log=log, env=self.environment(**environment))
        self.workers.append(worker)
        return worker

    def close(self):
        """Kill everything."""
        for process in (*self.workers, *filter(None, [self.process])):
            kill_group(process)

    def request(self, method, path, **options):
        """Ask the REST API, such as `request("POST", "/flow_runs/filter", json={})`."""
        for _ in range(BUSY_ATTEMPTS):
            answer = httpx.request(method, f"{self.api_url}{path}", timeout=30, **options)
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                break
            time.sleep(0.5)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def await_state(self, flow_run_id, wanted, timeout_s=240):
        """Wait until a flow run is in one of the state types `wanted`; returns the run."""
        deadline = time.monotonic() + timeout_s
        while True:
            run = self.request("GET", f"/flow_runs/{flow_run_id}")
            if run["state_type"] in wanted:
                return run
            if time.monotonic() > deadline:
                workers = [(self.directory / f"worker-{i}.log") for i in range(len(self.workers))]
                logs = "\n".join(log.read_text()[-3000:] for log in workers)
                raise AssertionError(f"{run['state_type']} after {timeout_s} s: {run}\n{logs}")
            time.sleep(0.5)


def copy_of_migrated(database, directory):
    """Put a copy of a migrated SQLite file into a server's directory: migrations take 12 s."""
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(database, directory / "prefect.db")


def migrate(directory):
    """Make a SQLite file with Prefect's tables; returns its path."""
    server = PrefectServer(directory)
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "-y"]
    process = start_process(command, log=server.log, env=server.environment())
    assert process.wait() == 0, server.log.read_text()
    database = directory / "prefect.db"
    with sqlite3.connect(database) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return database
