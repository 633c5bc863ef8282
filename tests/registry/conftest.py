"""Real stores (SQLite, an MLflow server, PostgreSQL), and plans to register in them."""

import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from configs.canonical_json import digest_json
from registry.promotion import PromotionPlan
from registry.records import LINEAGE_TAGS
from registry.store import ModelStore
from tests.servers.mlflow_server import LIGHT
from tests.servers.processes import end_with_the_tests

CONTRACT_STORES = ("sqlite", "http", "postgresql")


@pytest.fixture(scope="session", autouse=True)
def quiet_mlflow():
    patch = pytest.MonkeyPatch()
    for name, value in LIGHT.items():
        patch.setenv(name, value)
    yield
    patch.undo()


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
            preexec_fn=end_with_the_tests,
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
        recipe = {"name": f"lifecycle of {weights}"}
        lineage = {name: f"{name} of {weights}" for name in LINEAGE_TAGS}
        facts = {
            "model": model, "alias": "champion", "candidate": "awq",
            "weights_directory": directory, "kept_directory": tmp_path / "kept",
            "lineage": lineage | {"config_digest": digest_json(recipe)}, "recipe": recipe,
            "decision": {"outcome": outcome, "promoted": promoted, "about": weights},
            "reasons": ("micro_f1 is non-inferior",), "metrics": {"micro_f1": 0.9},
            "attachments": (), "actor": "ada",
        }  # fmt: skip
        return PromotionPlan(**facts | changes)

    return make
