import json
import subprocess
import sys

import numpy as np
import pytest
import yaml
from jsonschema import Draft202012Validator

from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml

POLICY = "no-worse-than-baseline"
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def assert_one_clear_message(printed, *parts):
    assert printed.code == 1
    assert printed.err.startswith("pawl: ")
    assert "Traceback" not in printed.err + printed.out
    for part in parts:
        assert part in printed.err


def changed_demo(tmp_path, **changes):
    path = tmp_path / "lifecycle.yaml"
    path.write_text(yaml.safe_dump(read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | changes))
    return path


def test_help_is_instant_because_it_loads_no_heavy_library():
    code = (
        "import sys, flows.cli\n"
        "heavy = ('torch', 'prefect', 'mlflow', 'transformers', 'pandas', 'numpy')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_malformed_yaml_is_named_by_line(pawl, tmp_path):
    (tmp_path / "broken.yaml").write_text("name: demo\nbase_model: {source: [\n")
    assert_one_clear_message(pawl("run", "broken.yaml"), "broken.yaml line 3", "valid YAML")


def test_an_unknown_key_comes_with_the_nearest_valid_one(pawl, tmp_path):
    path = changed_demo(tmp_path, lora={"rnak": 8})
    assert_one_clear_message(pawl("run", path), "lora.rnak: unknown key; did you mean 'rank'?")


def test_a_missing_lifecycle_lists_those_that_ship(pawl):
    assert_one_clear_message(pawl("run", "nowhere.yaml"), "nowhere.yaml", "demo")


@pytest.mark.parametrize("kind", ["lifecycle", "task", "gate"])
def test_the_schema_accepts_every_file_of_its_kind_that_ships(pawl, kind):
    schema = json.loads(pawl("schema", kind).out)
    files = sorted((SHIPPED / f"{kind}s").glob("*.yaml"))
    assert files
    for file in files:
        Draft202012Validator(schema).validate(read_yaml(file))


def test_the_schema_of_something_else_is_refused(pawl):
    assert_one_clear_message(pawl("schema", "recipe"), "expected lifecycle, task or gate", "recipe")


def test_status_of_an_empty_registry_says_what_to_do(pawl):
    printed = pawl("status")
    assert printed.code == 0
    assert "pawl run demo" in printed.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("pin", "m"),
        ("promote", "m", "1", "--reason", "r"),
        ("rollback", "m", "--reason", "r"),
    ],
)
def test_an_unreachable_registry_is_named_with_what_to_do(pawl, monkeypatch, arguments):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://user:secret@127.0.0.1:9")
    printed = pawl(*arguments)
    assert_one_clear_message(printed, "MLflow at http://user:***@127.0.0.1:9", "unreachable")
    assert "secret" not in printed.err


def test_a_model_without_champion_has_no_pin_and_no_way_back(pawl):
    assert_one_clear_message(pawl("pin", "unknown-model"), "expected a champion, found none")
    assert_one_clear_message(pawl("rollback", "unknown-model", "--reason", "worse"), "rollback")


def test_verify_of_a_file_that_is_no_pin(pawl, tmp_path):
    assert_one_clear_message(pawl("verify", "absent.yaml"), "expected a pin file, found none")
    (tmp_path / "other.yaml").write_text("model: x\n")
    assert_one_clear_message(pawl("verify", "other.yaml"), "expected a pin")


@pytest.fixture
def stored(evaluation_of, tmp_path):
    """Store an evaluation under a name and return its directory."""
    from evals.evaluation import write_evaluation

    def store(name, **counts):
        (tmp_path / name).mkdir()
        write_evaluation(evaluation_of(name, **counts), tmp_path / name)
        return tmp_path / name

    return store


@pytest.mark.parametrize(
    ("right", "missed", "rows", "outcome", "code"),
    [
        (1, 0, 200, "promote", 0),
        (0, 1, 200, "reject", 2),
        (1, 0, 20, "inconclusive", 3),
    ],
)
def test_gate_decides_from_files_and_exits_by_outcome(
    pawl, stored, tmp_path, right, missed, rows, outcome, code
):
    candidate = stored("candidate", tp=[right] * rows, fn=[missed] * rows)
    baseline = stored("baseline", tp=[1] * rows)
    out = tmp_path / "decision.json"
    printed = pawl(
        "gate", "decide", POLICY, "--candidate", candidate, "--baseline", baseline, "--out", out
    )  # fmt: skip
    assert printed.code == code
    assert f"Outcome: {outcome}" in printed.out
    assert f"n = {rows} rows of {rows} documents" in printed.out
    assert json.loads(out.read_text())["outcome"] == outcome


def test_gate_on_different_rows_names_them(pawl, stored):
    candidate, baseline = stored("candidate", tp=[1] * 40), stored("baseline", tp=[1] * 41)
    printed = pawl("gate", "decide", POLICY, "--candidate", candidate, "--baseline", baseline)
    assert_one_clear_message(printed, "expected the same rows", "r40")


def test_gate_on_a_directory_without_an_evaluation(pawl, stored, tmp_path):
    printed = pawl(
        "gate", "decide", POLICY, "--candidate", stored("candidate", tp=[1] * 40),
        "--baseline", tmp_path,
    )  # fmt: skip
    assert_one_clear_message(printed, str(tmp_path), "expected a stored evaluation")


def test_selftest_prints_the_error_rates_of_a_policy(pawl, stored):
    rng = np.random.default_rng(3)
    pair = []
    for name in ("candidate", "baseline"):
        missed = np.where(rng.random(120) < 0.15, 3, 0)
        pair.append(stored(name, tp=5 - missed, fn=missed))
    printed = pawl(
        "gate", "selftest", POLICY, "--candidate", pair[0], "--baseline", pair[1], "--trials", 20
    )
    assert printed.code == 0, printed.err
    assert "The policy's error rate holds on these scores." in printed.out
    assert "false promotion" in " ".join(printed.out.split())
    assert "120 rows of 120 documents" in printed.out


def bad_rows_file(tmp_path):
    good = {"id": "r1", "doc_id": "d1", "text": "Known gout.", "target": EMPTY}
    wrong = {**good, "id": "r2", "target": EMPTY | {"problems": [3]}}
    sliced = {"note_type": "letter", "unseen_drug": False}
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row | sliced) + "\n" for row in (good, wrong)))
    return path


def test_evaluate_names_a_row_that_breaks_the_schema_and_writes_nothing(pawl, tmp_path):
    rows, out = bad_rows_file(tmp_path), tmp_path / "out"
    printed = pawl("evaluate", "file://m", rows, "--task", "clinical-notes", "--out", out)
    assert_one_clear_message(printed, "rows.jsonl line 2", "target.problems[0]", "--skip-bad-rows")
    assert not out.exists()


def test_evaluate_without_weights_writes_nothing(pawl, tmp_path):
    rows, out = bad_rows_file(tmp_path), tmp_path / "out"
    printed = pawl(
        "evaluate", "file://nowhere", rows, "--task", "clinical-notes", "--out", out,
        "--skip-bad-rows",
    )  # fmt: skip
    assert_one_clear_message(printed, "file://nowhere", "expected a directory")
    assert not out.exists()
