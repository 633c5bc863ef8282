"""A store and a home of the test's own, and a directory in which weights are released."""

import os
import shutil

import pytest

from configs.followed_weights import FollowedSource
from tests.flows.conftest import OUTSIDE
from tests.small_checkpoint import checkpoint, write_checkpoint


@pytest.fixture
def store(monkeypatch, tmp_path, migrated_database):
    from flows.home import model_store

    for name in [name for name in os.environ if name.startswith(OUTSIDE)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir()
    shutil.copy(migrated_database, tmp_path / "home" / "mlflow.db")
    return model_store()


class Released:
    """A directory that is followed."""

    def __init__(self, directory):
        self.directory = directory
        self.followed = FollowedSource(source=f"file://{directory}", quiet_s=0)

    def publish(self, text):
        """Put a whole checkpoint there."""
        write_checkpoint(self.directory, checkpoint(text))


@pytest.fixture
def released(tmp_path):
    released = Released(tmp_path / "base")
    released.publish("first")
    return released
