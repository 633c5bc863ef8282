import time

import pytest

from configs.errors import RegistryError, TrainingError
from registry.store import ModelStore
from registry.training_runs import training_run


def run_of(uri, run_id):
    from mlflow import MlflowClient

    return MlflowClient(uri).get_run(run_id)


def test_a_run_holds_parameters_and_metrics_and_ends_finished(contract_uri):
    with training_run(
        ModelStore(contract_uri), "notes", {"rank": 8, "lr": 1e-4, "none": None}
    ) as run:
        run.log_metrics({"loss": 2.0}, 1)
        run.log_metrics({"loss": 1.5, "acc": 0.5}, 2)
        assert run_of(contract_uri, run.run_id).info.status == "RUNNING"
    ended = run_of(contract_uri, run.run_id)
    assert (ended.info.status, ended.info.run_name) == ("FINISHED", "fine-tune notes")
    assert ended.data.params == {"rank": "8", "lr": "0.0001", "none": "None"}
    assert ended.data.metrics == {"loss": 1.5, "acc": 0.5}
    assert ended.info.end_time is not None


@pytest.mark.parametrize(
    "failure", [TrainingError("loss", "is NaN", "Lower it."), KeyboardInterrupt()]
)
def test_a_run_whose_block_raises_ends_failed_and_the_failure_is_passed_on(store, failure):
    with (
        pytest.raises(type(failure)) as raised,
        training_run(store, "notes", {}) as run,
    ):
        raise failure
    assert raised.value is failure
    assert run_of(store.tracking_uri, run.run_id).info.status == "FAILED"


def test_a_run_whose_parameters_are_refused_ends_failed(store):
    with (
        pytest.raises(RegistryError, match="logging parameters failed"),
        training_run(store, "notes", {"bad\nname": 1}),
    ):
        raise AssertionError("never entered")
    from mlflow import MlflowClient

    client = MlflowClient(store.tracking_uri)
    experiment = client.get_experiment_by_name("pawl").experiment_id
    assert [run.info.status for run in client.search_runs([experiment])] == ["FAILED"]


@pytest.fixture
def lost_mlflow(store, monkeypatch):
    """Make MLflow go away: from then on every call goes to a port where nothing listens."""

    def lose(run):
        client = type(run.store._client)("http://127.0.0.1:9", registry_uri="http://127.0.0.1:9")
        run.store.__dict__["_client"] = client

    return lose


def test_the_failure_of_the_training_outlives_that_of_mlflow(store, lost_mlflow):
    started = time.monotonic()
    with (
        pytest.raises(TrainingError, match="is NaN") as raised,
        training_run(store, "notes", {}) as run,
    ):
        lost_mlflow(run)
        raise TrainingError("loss", "is NaN", "Lower it.")
    assert time.monotonic() - started < 20
    [note] = raised.value.__notes__
    assert "unreachable while ending a run" in note


def test_a_run_that_cannot_be_opened_starts_no_training():
    with (
        pytest.raises(RegistryError, match="unreachable while connecting"),
        training_run(ModelStore("http://127.0.0.1:9"), "notes", {}),
    ):
        raise AssertionError("never entered")


def test_several_who_need_the_experiment_at_once_share_it(store):
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(4) as pool:
        starts = [
            pool.submit(ModelStore(store.tracking_uri).start_run, "run", {}) for _ in range(4)
        ]
        runs = {run_of(store.tracking_uri, s.result()).info.experiment_id for s in starts}
    assert len(runs) == 1
