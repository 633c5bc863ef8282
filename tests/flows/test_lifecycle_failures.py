"""Bad input to the flow on a real Prefect server: one clear error, before any training."""

import json
import shutil
import socket
from contextlib import closing

import pytest
import yaml

from configs.errors import (
    ConfigError,
    DataError,
    EngineError,
    EvidenceError,
    RegistryError,
    WeightsError,
)
from configs.load import load_lifecycle, load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from evals.runner import requests_of
from finetune.synthetic.generators import generate_rows
from finetune.synthetic.notes import synthetic_rows

TINY = SHIPPED / "models" / "tiny-clinical"


@pytest.fixture(scope="module")
def prefect_server():
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=120):
        yield


@pytest.fixture
def fails(prefect_server, tmp_path, monkeypatch):
    """Run the demo with changes; return the failure and insist that it left nothing half-done."""
    home = tmp_path / "home"
    monkeypatch.setenv("PAWL_HOME", str(home))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.delenv("PAWL_DATA", raising=False)

    def run(kind, **changes):
        from flows.lifecycle import lifecycle

        path = tmp_path / "lifecycle.yaml"
        small = {"kind": "synthetic-notes", "train_documents": 8, "validation_documents": 2,
                 "test_documents": 4}  # fmt: skip
        demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | {"data": small}
        demo["gate"] |= {"preflight": {"action": "warn"}}
        path.write_text(yaml.safe_dump(demo | changes))
        with pytest.raises(kind) as caught:
            lifecycle(load_lifecycle(str(path)))
        assert not list(home.rglob("*.building-*"))
        assert not list((home / "cache" / "fine-tune").glob("*"))
        assert not (home / "models").exists()
        return str(caught.value)

    return run


@pytest.fixture
def weights(tmp_path):
    """A copy of the tiny base model that a test may spoil."""
    return shutil.copytree(TINY, tmp_path / "weights")


def test_weights_in_pickle_form_are_refused(fails, weights):
    (weights / "pytorch_model.bin").write_bytes(b"\x80\x04")
    message = fails(WeightsError, base_model={"source": f"file://{weights}"})
    assert "pytorch_model.bin: expected weights in safetensors" in message


def test_weights_that_ask_for_remote_code_are_refused(fails, weights):
    config = json.loads((weights / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_x.X"}
    (weights / "config.json").write_text(json.dumps(config))
    message = fails(WeightsError, base_model={"source": f"file://{weights}"})
    assert "config.json: auto_map" in message


def test_a_base_with_another_digest_than_configured_is_refused(fails):
    wanted = "sha256:" + "0" * 64
    message = fails(WeightsError, base_model={"source": "pawl://tiny-clinical", "digest": wanted})
    assert f"expected {wanted}, got sha256:" in message


def test_a_rule_over_guard_tasks_on_a_metric_that_they_lack_is_refused(fails):
    gate = {"comparisons": [{"metric": "micro_f1", "margin": 0.05}], "guards": [{"metric": "f1"}]}
    message = fails(ConfigError, gate=gate)
    assert "gate.guards: expected one of the metrics acc of note-reading, got 'f1'" in message


def write_splits(directory, **rows):
    for split in ("train", "validation", "test"):
        lines = rows.get(split, list(synthetic_rows(split, 3, 5)))
        text = "".join(json.dumps(row) + "\n" for row in lines)
        (directory / f"{split}.jsonl").write_text(text)
    return {"kind": "files"} | {
        split: str(directory / f"{split}.jsonl") for split in ("train", "validation", "test")
    }


def test_a_document_in_train_and_test_is_named(fails, tmp_path):
    shared = list(synthetic_rows("test", 3, 5))
    train = [row | {"id": f"again-{row['id']}"} for row in shared]
    message = fails(DataError, data=write_splits(tmp_path, train=train, test=shared))
    assert "expected no document in both" in message
    assert shared[0]["doc_id"] in message


def test_an_empty_dataset_is_named(fails, tmp_path):
    message = fails(DataError, data=write_splits(tmp_path, test=[]))
    assert "test.jsonl: expected at least one usable row" in message


def test_a_missing_data_file_is_named(fails, tmp_path):
    data = write_splits(tmp_path)
    (tmp_path / "train.jsonl").unlink()
    assert "train.jsonl: expected a file, found none" in fails(DataError, data=data)


def test_relative_data_paths_start_at_the_data_directory(fails, tmp_path, monkeypatch):
    (tmp_path / "corpora").mkdir()
    monkeypatch.setenv("PAWL_DATA", str(tmp_path / "corpora"))
    write_splits(tmp_path / "corpora")
    data = {"kind": "files", "train": "train.jsonl", "validation": "validation.jsonl",
            "test": "absent.jsonl"}  # fmt: skip
    message = fails(DataError, data=data)
    assert f"{tmp_path / 'corpora' / 'absent.jsonl'}: expected a file" in message


def test_a_task_that_does_not_exist_is_named(fails):
    assert "clinical-notes" in fails(ConfigError, task="clinical-nodes")


def closed_port():
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_baseline_endpoint_that_is_down_fails_before_training(fails):
    url = f"http://127.0.0.1:{closed_port()}/v1"
    baseline = {"kind": "endpoint", "base_url": url, "model": "big", "max_attempts": 1}
    message = fails(EngineError, baseline=baseline)
    assert f"{url} (model big)" in message
    assert "Start the server" in message


def test_a_recording_of_other_prompts_is_refused_before_training(fails, tmp_path):
    path = tmp_path / "recording.jsonl"
    rows = [row["id"] for row in synthetic_rows("test", 4, 17)]
    path.write_text(
        "".join(
            json.dumps({"id": row, "prompt_digest": "sha256:0", "output": "{}"}) + "\n"
            for row in rows
        )
    )
    baseline = {"kind": "recorded", "path": str(path), "model": "big"}
    assert "expected an answer to this prompt" in fails(EngineError, baseline=baseline)


def test_a_baseline_in_code_fences_is_refused_before_training_with_the_cure(fails, tmp_path):
    task, rows = load_task("clinical-notes"), list(generate_rows("clinical-notes", "test", 4, 17))
    lines = [
        {"id": asked.id, "prompt_digest": asked.prompt_digest,
         "output": f"```json\n{task.answer(row['target'])}\n```"}
        for asked, row in zip(requests_of(task, rows), rows, strict=True)
    ]  # fmt: skip
    path = tmp_path / "recording.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    baseline = {"kind": "recorded", "path": str(path), "model": "right in every row"}
    message = fails(EvidenceError, baseline=baseline)
    assert "answers of baseline to clinical-notes: expected at least 50%" in message
    assert f"0 of {len(rows)} rows of 4 documents" in message
    assert f"for example row {rows[0]['id']}: '```json" in message
    assert "Declare `answer_format: [fenced]`" in message


def test_a_test_set_on_which_nothing_can_be_shown_is_refused_before_training(fails):
    gate = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")["gate"]
    local = {"kind": "local", "source": "pawl://tiny-clinical"}
    gate |= {"preflight": {}, "critical": [], "readable_references": {"action": "warn"}}
    message = fails(EvidenceError, gate=gate, baseline=local)
    assert "got 4: gate.min_clusters asks for 30 documents" in message


def test_a_test_set_that_hardly_holds_what_is_critical_is_refused_before_the_baseline_is_asked(
    fails,
):
    gate = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")["gate"] | {"preflight": {}}
    gate["critical"].append({"field": "problems", "minimum": 0.5, "min_documents": 5})
    with closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/v1"
    baseline = {"kind": "endpoint", "base_url": url, "model": "big"}
    message = fails(EvidenceError, gate=gate, baseline=baseline)
    assert "recall of allergies: expected at least 30 documents that carry it, got" in message
    assert "recall of problems: expected at least 5 documents that carry it, got" in message


def test_names_that_the_task_does_not_have_are_refused_together_before_anything_is_done(
    fails, tmp_path
):
    gate = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")["gate"]
    gate["comparisons"][0]["metric"] = "micro_f2"
    gate["critical"][0]["field"] = "alergies"
    message = fails(ConfigError, gate=gate)
    assert "comparisons.0.metric: unknown metric 'micro_f2'; did you mean 'micro_f1'?" in message
    assert "critical.0.field: unknown field 'alergies'; did you mean 'allergies'?" in message
    assert not list((tmp_path / "home" / "cache").glob("*/*/files"))


def test_contaminated_data_that_the_policy_refuses_stops_before_training(fails, tmp_path):
    test = list(synthetic_rows("test", 3, 5))
    train = [
        row | {"id": f"near-{row['id']}", "doc_id": f"near-{row['doc_id']}",
               "text": row["text"] + " Thanks."}
        for row in test
    ]  # fmt: skip
    checks = {"near_duplicates": {"action": "refuse"}}
    data = write_splits(tmp_path, train=train, test=test)
    assert test[0]["id"] in fails(DataError, data=data, data_checks=checks)


def test_an_unreachable_registry_fails_before_training(fails, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{closed_port()}")
    message = fails(RegistryError)
    assert "unreachable" in message
    assert "correct MLFLOW_TRACKING_URI" in message
