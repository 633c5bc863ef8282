"""What tests of several packages need: made-up evaluations, real servers, a full disk, the cost of an
import."""

import os
import resource
import shutil
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pandas as pd
import pytest

from evals.evaluation import Evaluation
from evals.metric import count_metrics, mean_metric
from tests.openai_protocol import ProtocolServer, serving
from tests.servers.mlflow_server import mlflow_server
from tests.servers.postgresql import postgresql_server
from tests.servers.prefect_server import PrefectServer, copy_of_migrated, migrate

# Of the terminal that the tests were started in, or made up by xdist for its workers: rich keeps the
# width that it finds when it is imported.
for of_the_terminal in ("COLUMNS", "LINES"):
    os.environ.pop(of_the_terminal, None)
# Two processes of two threads each spin on two cores: a fine-tuning takes ten times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_itemcollected(item):
    """With several processes: tests of one file stay together, as do all that look at the demo."""
    group = "demo" if "demo" in item.fixturenames else item.nodeid.split("::")[0]
    item.add_marker(pytest.mark.xdist_group(group))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """What takes minutes comes first, so that in the end no process works alone."""
    long = [i for i in items if "demo" in i.fixturenames or i.get_closest_marker("takes_minutes")]
    others = set(items) - set(long)
    items[:] = long + [item for item in items if item in others]


def pytest_runtest_setup(item):
    """Fail where pytest-xdist ignores the groups: it would do so without a word."""
    in_groups = getattr(item.config.option, "loadgroup", False)  # set in processes of xdist alone
    assert not in_groups or "@" in item.nodeid, "this pytest-xdist and this pytest keep no groups"


@pytest.fixture(scope="session")
def evaluation_of():
    """Make an evaluation from per-row counts; `rows_per_document` rows form one document."""

    def make(
        system="candidate", *, tp, fp=0, fn=0, valid=True, exact=True, rows_per_document=1,
        slices=None, data_digest="sha256:data", task="clinical-notes",
    ):  # fmt: skip
        tp = np.asarray(tp)
        rows = len(tp)
        frame = pd.DataFrame(
            {
                "id": [f"r{i}" for i in range(rows)],
                "cluster": [f"d{i // rows_per_document}" for i in range(rows)],
                "prompt_digest": "sha256:p", "raw_output": "{}", "finish_reason": "stop",
                "input_tokens": 9, "output_tokens": 2, "latency_s": 0.5, "valid_json": valid, "schema_conformance": valid,
                "exact_match": exact, "tp": tp, "fp": fp, "fn": fn,
            }
        )  # fmt: skip
        for column in ("tp", "fp", "fn"):
            frame[f"{column}.problems"] = frame[column]
        if slices is not None:
            frame["slice.note_type"] = slices
        shares = (
            mean_metric(name, binary=True)
            for name in ("valid_json", "schema_conformance", "exact_match")
        )
        metrics = (*count_metrics(), *shares, *count_metrics(".problems"))
        return Evaluation(system, f"engine of {system}", task, data_digest, metrics, frame)

    return make


@pytest.fixture
def file_size_limit():
    """Let no file grow beyond a number of bytes: a full disk that needs no privileges."""

    @contextmanager
    def limit(limit_bytes):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limit


@pytest.fixture
def loaded_by_importing():
    """Import modules in a fresh interpreter; returns which of the heavy libraries that loaded."""

    def loaded(modules, heavy):
        code = (
            f"import sys, {', '.join(modules)}\n"
            f"print([name for name in {heavy} if name in sys.modules])"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    return loaded


@pytest.fixture
def served():
    """An OpenAI-compatible server that tells its version, so that every POST to it is a question."""
    server = ProtocolServer(version={"version": "0.11.0"})
    with serving(server) as url:
        server.url = url
        yield server


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory):
    """A SQLite file with MLflow's tables, to be copied: migrations take seconds."""
    from flows.home import quiet_libraries
    from registry.store import ModelStore

    quiet_libraries()  # MLflow reads them when it is imported
    path = tmp_path_factory.mktemp("migrated") / "mlflow.db"
    ModelStore(f"sqlite:///{path}").models()
    return path


@pytest.fixture(scope="session")
def http_uri(migrated_database, tmp_path_factory):
    """Address of an MLflow server process."""
    directory = tmp_path_factory.mktemp("server")
    shutil.copy(migrated_database, directory / "mlflow.db")
    with mlflow_server(directory, f"sqlite:///{directory / 'mlflow.db'}") as uri:
        yield uri


@pytest.fixture(scope="session")
def postgresql_address():
    """`user:password@host:port` of a PostgreSQL server."""
    with postgresql_server() as address:
        yield address


@pytest.fixture(scope="session")
def postgresql_uri(postgresql_address, tmp_path_factory):
    """Address of a PostgreSQL database for MLflow, with a password."""
    from mlflow import MlflowClient

    uri = f"postgresql+psycopg2://{postgresql_address}/postgres"
    # As whoever runs a bare database must: MLflow's own default is the current directory.
    artifacts = tmp_path_factory.mktemp("artifacts").as_uri()
    MlflowClient(uri).create_experiment("pawl", artifact_location=artifacts)
    return uri


@pytest.fixture(scope="session")
def migrated_prefect(tmp_path_factory):
    """A SQLite file with Prefect's tables, to be copied."""
    return migrate(tmp_path_factory.mktemp("prefect-migrated"))


@pytest.fixture(scope="session")
def prefect_server(migrated_prefect, tmp_path_factory):
    """A running Prefect server that tests share; each names its own pools, flows and deployments."""
    directory = tmp_path_factory.mktemp("prefect-shared")
    copy_of_migrated(migrated_prefect, directory)
    server = PrefectServer(directory)
    try:
        yield server.start()
    finally:
        server.close()


@pytest.fixture
def own_prefect_server(migrated_prefect, tmp_path):
    """Make Prefect servers (not started) that the test may kill; see `PrefectServer` for arguments."""
    made = []

    def make(name="prefect", **options):
        directory = tmp_path / name
        copy_of_migrated(migrated_prefect, directory)
        made.append(PrefectServer(directory, **options))
        return made[-1]

    yield make
    for server in made:
        server.close()
