"""A sweep from trials to the gate: two that are scored, two that fail, one that is gated."""

import json
import shutil
import sys

import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from tests.servers.processes import kill_group, start_process

TINY = {"source": "pawl://tiny-clinical"}
ABSENT = {"source": "file:///nowhere/weights"}
DEADLINE_S = 400
IN_PARALLEL = """
import pathlib, sys
from flows.deployed.sweep import sweep
summary = sweep({"sweep": sys.argv[1], "max_parallel": 2, "gate_the_best": False})
pathlib.Path(sys.argv[2]).write_text(summary.model_dump_json())
"""


def write_sweep(directory):
    """Two ranks of the tiny base and of weights that are not there, on a handful of notes."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | {"name": "swept", "guard_tasks": []}
    demo |= {"quantizations": [], "registry": {"model_name": "swept"}}
    demo["data"] |= {"train_documents": 16, "validation_documents": 6, "test_documents": 8}
    demo["lora"] |= {"epochs": 1}
    demo["evaluation"] |= {"beside_constrained": False}
    demo["baseline"] = {"kind": "local"} | TINY
    demo["gate"] = {
        "candidates": ["fine-tuned"], "resamples": 1000, "preflight": {"action": "warn"},
        "readable_references": {"action": "warn"},
        "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
    }  # fmt: skip
    (directory / "swept.yaml").write_text(yaml.safe_dump(demo))
    sweep = {
        "name": "ranks", "lifecycle": str(directory / "swept.yaml"),
        "space": {"rank": [4, 32], "base_models": [TINY, ABSENT]},
    }  # fmt: skip
    path = directory / "ranks.yaml"
    path.write_text(yaml.safe_dump(sweep))
    return path


@pytest.fixture(scope="module")
def run_sweep(prefect_server, migrated_database, tmp_path_factory):
    """Run the sweep with changes of its form; every call has the same home."""
    directory = tmp_path_factory.mktemp("sweep")
    (directory / "home").mkdir()
    shutil.copy(migrated_database, directory / "home" / "mlflow.db")
    path = write_sweep(directory)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "PAWL_DATA"):
            patch.delenv(name, raising=False)
        patch.setenv("PAWL_HOME", str(directory / "home"))
        from flows.deployed.sweep import sweep
        from flows.requests.sweep import SweepRequest

        def run(**changes):
            with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
                return sweep(SweepRequest(sweep=str(path), requested_by="a tester", **changes))

        run.home, run.path = directory / "home", path
        yield run


@pytest.fixture(scope="module")
def swept(run_sweep):
    return run_sweep()


def entries(home, step):
    return [path for path in (home / "cache" / step).iterdir() if not path.name.startswith(".")]


def test_a_trial_that_fails_is_shown_and_stops_no_other(swept):
    assert [found.trial.number for found in swept.scored] == [1, 3]
    assert [found.trial.number for found in swept.failed] == [2, 4]
    assert all("/nowhere/weights" in found.problem for found in swept.failed)
    table = json.loads((swept.report / "trials.json").read_text())
    assert [line["trial"] for line in table] == ["1", "2", "3", "4"]
    assert "/nowhere/weights" in table[1]["state"]


def test_trials_are_scored_on_validation_rows_with_interval_and_n(swept):
    for found in swept.scored:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.documents == 6
        assert found.weight_bytes > 1e6
    first, second = swept.scored
    assert (first.trial.lora.rank, second.trial.lora.rank) == (4, 32)
    assert first.trained_parameters < second.trained_parameters
    best = max(swept.scored, key=lambda found: found.value)
    assert swept.best == best


def test_the_best_goes_through_the_gate_without_being_trained_again(swept, run_sweep):
    steps = {line.step: line for line in swept.lifecycle.steps}
    assert steps["fine-tune"].reused
    assert len(entries(run_sweep.home, "fine-tune")) == 2
    assert swept.lifecycle.outcome in ("promote", "reject", "inconclusive")
    assert "fine-tuned" in [row[0] for row in swept.lifecycle.score_rows]


def test_only_the_best_is_scored_on_the_test_set_and_the_report_says_so(swept, run_sweep):
    # The best trial's weights and the base, which is the baseline too.
    assert len(entries(run_sweep.home, "evaluate-validation")) == 2
    assert len(entries(run_sweep.home, "evaluate")) == 2
    report = (swept.lifecycle.report / "report.md").read_text()
    assert "the test set was used for the chosen one alone" in report
    assert "error rate holds without a correction" in (swept.report / "report.md").read_text()


def test_table_text_and_plot_are_published(swept, prefect_server):
    for key, kind in (("sweep-trials", "table"), ("sweep", "markdown"), ("sweep-axes", "image")):
        asked = {"artifacts": {"key": {"any_": [key]}}}
        [artifact] = prefect_server.request("POST", "/artifacts/filter", json=asked)[:1]
        assert artifact["type"] == kind
    assert (swept.report / "axes.png").read_bytes().startswith(b"\x89PNG")


def test_every_scored_trial_is_an_mlflow_run_with_its_settings(swept, run_sweep):
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{run_sweep.home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("pawl")
    runs = client.search_runs([experiment.experiment_id], "tags.`pawl.sweep` = 'ranks'")
    assert {run.info.run_id for run in runs} == {found.mlflow_run_id for found in swept.scored}
    for run in runs:
        assert run.info.status == "FINISHED"
        assert set(run.data.params) >= {"rank", "learning_rate", "epochs", "base_model"}
        assert 0 <= run.data.metrics["micro_f1"] <= 1


def test_in_processes_of_their_own_trials_give_the_same_and_repeat_no_work(
    swept, run_sweep, prefect_server, tmp_path
):
    from flows.deployed.sweep import SweepSummary

    log = tmp_path / "parallel.log"
    process = start_process(
        [sys.executable, "-c", IN_PARALLEL, run_sweep.path, tmp_path / "summary.json"],
        log=log, env=prefect_server.environment(PAWL_HOME=run_sweep.home),
    )  # fmt: skip
    try:
        assert process.wait(DEADLINE_S) == 0, log.read_text()[-3000:]
    finally:
        kill_group(process)
    again = SweepSummary.model_validate_json((tmp_path / "summary.json").read_text())
    assert again.scored == swept.scored
    assert again.failed == swept.failed
    assert again.best == swept.best
    assert again.lifecycle is None
    assert len(entries(run_sweep.home, "fine-tune")) == 2
    assert again.report == swept.report
