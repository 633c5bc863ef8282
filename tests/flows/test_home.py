import os
from pathlib import Path

import pytest

from flows import home as home_module
from flows.home import data_directory, home, tracking_uri, use_embedded_prefect


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """An environment of no settings at all, in an empty directory and an empty home."""
    monkeypatch.setattr(home_module.os, "environ", {"HOME": str(tmp_path)})
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.chdir(tmp_path)
    return home_module.os.environ


def test_defaults_stay_below_the_working_directory(environment, tmp_path):
    assert home() == tmp_path / ".pawl"
    assert tracking_uri() == f"sqlite:///{tmp_path / '.pawl' / 'mlflow.db'}"
    assert home().is_dir()
    assert data_directory().resolve() == tmp_path


def test_what_the_user_configured_wins(environment, tmp_path):
    environment |= {
        "PAWL_HOME": str(tmp_path / "elsewhere"), "MLFLOW_TRACKING_URI": "http://mlflow:5000",
        "PAWL_DATA": "/corpora",
    }  # fmt: skip
    assert home() == tmp_path / "elsewhere"
    assert tracking_uri() == "http://mlflow:5000"
    assert not home().exists()
    assert data_directory() == Path("/corpora")


def test_the_embedded_prefect_keeps_its_files_below_home(environment, tmp_path):
    use_embedded_prefect()
    assert environment["PREFECT_HOME"] == str(tmp_path / ".pawl" / "prefect")
    assert environment["PREFECT_SERVER_ALLOW_EPHEMERAL_MODE"] == "true"


def test_the_task_run_recorder_is_never_told_to_spin(environment):
    use_embedded_prefect()
    interval = environment["PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL"]
    assert int(interval) >= 1


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "PREFECT_HOME"])
def test_a_prefect_that_the_user_configured_is_left_alone(environment, name):
    environment[name] = "configured"
    use_embedded_prefect()
    assert environment.get("PREFECT_SERVER_ALLOW_EPHEMERAL_MODE") is None
    assert environment[name] == "configured"


def test_prefect_profiles_of_the_user_are_left_alone(environment, tmp_path):
    (tmp_path / ".prefect").mkdir()
    (tmp_path / ".prefect" / "profiles.toml").write_text('active = "team"')
    use_embedded_prefect()
    assert "PREFECT_HOME" not in environment
    assert os.environ is environment
