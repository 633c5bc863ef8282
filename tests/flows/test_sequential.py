"""A lifecycle whose gate stops asking as soon as the outcome is settled."""

import json

import pytest
import yaml

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml


@pytest.fixture
def sequential_lifecycle(tmp_path):
    """The base is its own baseline and learns next to nothing: floors fail at once."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
    demo |= {"quantizations": [], "name": "sequential", "guard_tasks": []}
    demo["data"] |= {"train_documents": 16, "validation_documents": 4, "test_documents": 150}
    demo["lora"] |= {"epochs": 1}
    demo["baseline"] = {"kind": "local", "source": "pawl://tiny-clinical"}
    demo["evaluation"] = {"batch_size": 64}
    demo["gate"] = {
        "comparisons": [{"metric": "micro_f1", "margin": 0.05}],
        "floors": [{"metric": "valid_json", "minimum": 0.9}],
        "preflight": {"action": "warn"},
        "min_clusters": 20,
        "sequential": {"batch_documents": 20, "documents_before_stopping": 20},
    }
    path = tmp_path / "sequential.yaml"
    path.write_text(yaml.safe_dump(demo))
    return path


def test_a_hopeless_candidate_is_not_asked_to_the_end(sequential_lifecycle, tmp_path, run_pawl):
    home = tmp_path / "home"
    printed = run_pawl("run", sequential_lifecycle, home=home, cwd=tmp_path)
    assert printed.code == 0, printed.err[-3000:]
    assert "Outcome: reject" in printed.out
    [savings] = (home / "cache" / "evaluate-sequentially").glob("*/files/savings.json")
    facts = json.loads(savings.read_text())
    assert facts["documents_asked"] < facts["documents_total"] == 150
    assert facts["seconds_saved"] > 0
    [decision] = (home / "cache" / "gate").glob("*/files/decision.json")
    [result] = json.loads(decision.read_text())["results"]
    assert {check["clusters"] for check in result["checks"]} == {facts["documents_asked"]}
    assert all("confidence sequence" in check["method"] for check in result["checks"])
    assert (savings.parent / "sequence.png").is_file()
    again = run_pawl("run", sequential_lifecycle, home=home, cwd=tmp_path)
    assert "Evaluating" not in again.err
