"""A lifecycle whose gate stops asking as soon as the outcome is settled."""

import json
import shutil
import time

import pytest
import yaml

from configs.canonical_json import digest_json
from configs.load import load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from registry.staleness import facts_of
from registry.store import ModelStore


@pytest.fixture
def sequential_lifecycle(tmp_path):
    """The base is its own baseline and learns next to nothing: floors fail at once."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    task = shutil.copy(SHIPPED / "tasks" / "clinical-notes.yaml", tmp_path / "task.yaml")
    demo |= {"quantizations": [], "name": "sequential", "guard_tasks": [], "task": str(task)}
    demo["data"] |= {"train_documents": 16, "validation_documents": 4, "test_documents": 150}
    demo["lora"] |= {"epochs": 1}
    demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    demo["evaluation"] = {"batch_size": 64}
    demo["gate"] = {
        "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
        "floors": [{"metric": "valid_json", "minimum": 0.9}],
        "preflight": {"action": "warn"},
        "readable_references": {"action": "warn"},
        "min_clusters": 20,
        "sequential": {"batch_documents": 20, "documents_before_stopping": 20},
    }
    path = tmp_path / "sequential.yaml"
    path.write_text(yaml.safe_dump(demo))
    return path


@pytest.fixture
def run_with_an_edit(start_pawl, tmp_path):
    """Run a lifecycle and edit its task while it trains; returns what was printed."""

    def run(path, home):
        task = tmp_path / "task.yaml"
        process = start_pawl("run", path, home=home, cwd=tmp_path)
        try:
            while not list((home / "cache" / "data-checks").glob("*/step.json")):
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
            before = task.read_text()
            task.write_text(before.replace("max_new_tokens: 256", "max_new_tokens: 128"))
            out, err = process.communicate(timeout=580)
        finally:
            process.kill()
        assert task.read_text() != before
        task.write_text(before)
        assert process.returncode == 0, err[-3000:]
        return out

    return run


def test_a_hopeless_candidate_is_not_asked_to_the_end(
    sequential_lifecycle, tmp_path, run_with_an_edit, run_pawl
):
    home = tmp_path / "home"
    assert "Outcome: reject" in run_with_an_edit(sequential_lifecycle, home)
    [version] = ModelStore(f"sqlite:///{home / 'mlflow.db'}").versions("clinical-notes-extractor")
    used = load_task(str(tmp_path / "task.yaml")).model_dump(mode="json")
    assert facts_of(version.tags).task_digest == digest_json(used)
    [savings] = (home / "cache" / "evaluate-sequentially").glob("*/files/savings.json")
    facts = json.loads(savings.read_text())
    assert facts["documents_asked"] < facts["documents_total"] == 150
    assert facts["seconds_saved"] > 0
    [decision] = (home / "cache" / "gate").glob("*/files/decision.json")
    [result] = json.loads(decision.read_text())["results"]
    assert {check["clusters"] for check in result["checks"]} == {facts["documents_asked"]}
    assert all("group-sequential looks" in check["method"] for check in result["checks"])
    assert (savings.parent / "sequence.png").is_file()
    again = run_pawl("run", sequential_lifecycle, home=home, cwd=tmp_path)
    assert "Evaluating" not in again.err
