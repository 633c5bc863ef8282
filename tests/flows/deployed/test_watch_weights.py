import os
import shutil

import pytest
import yaml
from prefect.events.worker import EventsWorker
from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

from flows.deployed.watch_weights import watch_weights
from flows.release_events import event_id, payload_of
from flows.requests.watch_weights import WatchWeightsRequest
from registry.releases import latest_release
from tests.flows.automations.conftest import await_condition
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


@pytest.fixture
def watch(prefect_server, store, tmp_path):
    """Run the flow on sources; returns its final state."""

    def run(*sources, **options):
        path = tmp_path / "follow.yaml"
        listed = [{"source": source, "quiet_s": 0} for source in sources]
        path.write_text(yaml.safe_dump({"sources": listed}))
        request = WatchWeightsRequest(follow=str(path), grace_s=3600)
        settings = {
            PREFECT_API_URL: prefect_server.api_url,
            PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None,
        }
        # The one that earlier tests left behind may still be connected to a server that is gone.
        EventsWorker.drain_all(timeout=10, at_exit=False)
        with temporary_settings(settings):
            return watch_weights(request, return_state=True)

    return run


def test_a_release_is_an_event_with_the_request_for_its_re_evaluation(
    watch, store, tmp_path, prefect_server
):
    directory = write_checkpoint(tmp_path / "base", checkpoint())
    assert watch(f"file://{directory}").message == "1 known"
    write_checkpoint(directory, checkpoint("newer"))
    assert watch(f"file://{directory}").message == "1 released"
    release = latest_release(store, f"file://{directory}")
    query = {"filter": {"event": {"name": ["model.weights.released"]},
                        "id": {"id": [str(event_id(release))]}}}  # fmt: skip
    [event] = await_condition(
        lambda: prefect_server.request("POST", "/events/filter", json=query)["events"], "the event"
    )
    assert event["payload"] == payload_of(release)
    assert event["resource"]["pawl.digest"] == release.digest


def test_a_source_that_fails_fails_alone_and_is_named_with_what_to_do(
    watch, store, tmp_path, prefect_server
):
    whole = write_checkpoint(tmp_path / "whole", checkpoint())
    arriving = write_checkpoint(tmp_path / "arriving", checkpoint())
    (arriving / "model.safetensors").write_bytes(b"")
    gone = tmp_path / "gone"
    state = watch(f"file://{gone}", f"file://{whole}", f"file://{arriving}")
    assert state.is_failed()
    assert (
        f"- file://{gone}: expected weights there, got: no directory at {gone}. Correct"
        in state.message
    )
    assert latest_release(store, f"file://{whole}") is not None
    artifact = prefect_server.request("GET", "/artifacts/watched-weights/latest")
    for place, state_name in ((gone, "failed"), (whole, "known"), (arriving, "still uploading")):
        assert f"| `file://{place}` | {state_name} |" in artifact["data"]


def test_a_list_that_is_empty_is_no_failure(watch, store):
    state = watch()
    assert state.is_completed() and state.message == "nothing is followed"


def test_the_form_offers_the_lists_there_are():
    schema = WatchWeightsRequest.model_json_schema()
    assert "weights" in schema["properties"]["follow"]["enum"]
