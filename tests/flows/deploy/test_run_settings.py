"""What runs inherit, and what must not end up on a server for everybody to read."""

from pathlib import Path

from flows.deploy.run_settings import LONG_RUNS, run_environment

HOME = Path("/where/pawl/lives")


def test_paths_are_handed_on_absolute(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = run_environment({"PAWL_DATA": "data", "PAWL_CONFIGS": "/etc/pawl", "HOME": "/x"}, HOME)
    assert found == {
        **LONG_RUNS,
        "PAWL_HOME": str(HOME),
        "PAWL_DATA": str(tmp_path / "data"),
        "PAWL_CONFIGS": "/etc/pawl",
    }


def test_an_address_is_handed_on_unless_it_has_a_password():
    open_address, closed = "http://mlflow:5000", "postgresql://pawl:secret@db/mlflow"
    assert run_environment({"MLFLOW_TRACKING_URI": open_address}, HOME) == {
        **LONG_RUNS,
        "PAWL_HOME": str(HOME),
        "MLFLOW_TRACKING_URI": open_address,
    }
    assert run_environment({"MLFLOW_TRACKING_URI": closed}, HOME) == {
        **LONG_RUNS,
        "PAWL_HOME": str(HOME),
    }
