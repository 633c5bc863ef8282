"""`pawl run demo` from weights to pin, on real servers and the weights that ship with Pawl."""

import json
import re
import sqlite3
import time

import pytest
import yaml

STEPS = (
    "prepare", "data-checks", "fine-tune", "merge", "quantize-awq", "quantize-fp8-dynamic", "evaluate base",
    "evaluate fine-tuned", "evaluate awq", "evaluate fp8-dynamic", "evaluate baseline",
    "evaluate awq, constrained", "evaluate base on note-reading", "evaluate awq on note-reading",
    "ask awq again", "ask fp8-dynamic again", "ask fine-tuned again", "gate",
)  # fmt: skip
MODEL = "clinical-notes-extractor"


@pytest.fixture(scope="module")
def again(demo, run_pawl):
    """A second run and its seconds."""
    started = time.monotonic()
    printed = run_pawl("run", "demo", home=demo.home, cwd=demo.cwd)
    return printed, time.monotonic() - started


def test_fine_tuning_really_teaches_the_task(demo):
    f1, valid = demo.scores("micro_f1"), demo.scores("valid_json")
    assert f1["fine-tuned"] >= f1["base"] + 0.30
    assert valid["fine-tuned"] > 0.95
    candidates = {"fine-tuned", "awq", "fp8-dynamic"}
    constrained = {f"{name}, constrained" for name in candidates}
    assert set(f1) == {"base", "baseline", *candidates, *constrained}
    assert all(valid[name] >= valid[name.removesuffix(", constrained")] for name in constrained)


def test_the_gate_promotes_a_candidate_and_says_why(demo):
    decision = json.loads((demo.decision_directory / "decision.json").read_text())
    assert decision["outcome"] == "promote"
    assert "Outcome: promote" in demo.printed.out
    assert f"{MODEL} version 1 is now champion" in demo.printed.out
    for result in decision["results"]:
        for check in result["checks"]:
            if check["slice"] is None and check["critical"] is None:
                expected = (255, 200) if check["task"] == "clinical-notes" else (100, 100)
                assert (check["rows"], check["clusters"]) == expected
            assert check["low"] <= check["value"] <= check["high"]


def test_recall_of_allergies_is_critical_and_what_was_missed_is_listed(demo):
    decision = json.loads((demo.decision_directory / "decision.json").read_text())
    for result in decision["results"]:
        critical = [check for check in result["checks"] if check["critical"]]
        assert [check["kind"] for check in critical] == ["non-inferiority", "floor"]
        for check in critical:
            assert check["critical"] == "recall of allergies"
            assert (check["carriers"], check["clusters"], check["rows"]) == (122, 122, 165)
    promoted = next(r for r in decision["results"] if r["candidate"] == decision["promoted"])
    recall = next(c["value"] for c in promoted["checks"] if c["critical"] and not c["reference"])
    report = (demo.decision_directory / "report.md").read_text()
    assert "## Critical labels" in report
    missed = json.loads((demo.decision_directory / "critical-false-negatives.json").read_text())
    assert missed["candidate"] == decision["promoted"]
    lost = sum(row["missed"] for row in missed["rules"][0]["rows"])
    assert recall == pytest.approx(1 - lost / 136)
    assert f"misses {lost} in" in report or "misses none" in report


def test_the_report_says_what_the_baseline_is(demo):
    report = (demo.decision_directory / "report.md").read_text()
    assert "The baseline is recorded answers of SmolLM2-135M-Instruct" in report


def test_the_guard_task_shows_what_fine_tuning_made_the_model_forget(demo):
    decision = json.loads((demo.decision_directory / "decision.json").read_text())
    found = [
        check
        for result in decision["results"]
        for check in result["checks"]
        if check["task"] == "note-reading"
    ]
    assert [check["reference"] for check in found] == ["base"] * 3
    assert not any(check["required"] for check in found)
    assert "note-reading" in (demo.decision_directory / "report.md").read_text()


def test_a_second_decision_on_the_same_evidence_is_the_same_look(demo, again):
    from registry.look_ledger import LOOKS, entry_of
    from registry.store import ModelStore

    store = ModelStore(f"sqlite:///{demo.home / 'mlflow.db'}")
    entries = [entry_of(record) for record in store.versions(LOOKS)]
    assert [entry.kind for entry in entries] == ["recorded", "scored", "look"]
    assert {entry.model for entry in entries} == {MODEL}
    assert entries[-1].policy_recorded == "before"
    reasons = json.loads((demo.decision_directory / "decision.json").read_text())["reasons"]
    [look] = [reason for reason in reasons if "look on this test set" in reason]
    assert "This policy was recorded before the answers were first scored." in look


def test_quantized_weights_are_smaller(demo):
    sizes = {}
    for name in ("fp8-dynamic", "awq"):
        [record] = (demo.home / "cache" / f"quantize-{name}").glob("*/step.json")
        result = json.loads(record.read_text())["result"]
        sizes[name] = result["bytes_after"] / result["bytes_before"]
    assert sizes["awq"] < sizes["fp8-dynamic"] < 0.8


def test_every_answer_is_kept_with_its_prompt_digest(demo):
    import pandas as pd

    kept = sorted((demo.home / "cache" / "evaluate").glob("*/files/examples.parquet"))
    assert len(kept) == 8
    for path in kept:
        frame = pd.read_parquet(path)
        assert len(frame) == 255
        assert frame["prompt_digest"].str.fullmatch(r"sha256:[0-9a-f]{64}").all()
        assert frame["raw_output"].map(type).eq(str).all()


def test_every_step_leaves_an_artifact_on_the_run_page(demo):
    with sqlite3.connect(demo.home / "prefect" / "prefect.db") as database:
        keys = {key for (key,) in database.execute("SELECT DISTINCT key FROM artifact")}
    assert keys >= {
        "resolve", "prepare", "fine-tune", "merge", "quantize-awq", "quantize-fp8-dynamic", "gate",
        "gate-scores", "gate-differences", "promote", "pin", "evaluate-base", "evaluate-baseline",
        "data-checks", "pre-flight", "evaluate-awq--constrained", "evaluate-awq-on-note-reading",
    }  # fmt: skip


def test_a_second_run_does_nothing_and_says_so_step_by_step(demo, again):
    printed, seconds = again
    assert printed.code == 0
    for step in STEPS:
        [line] = [line for line in printed.out.splitlines() if re.match(rf"│ {step} +│", line)]
        assert "skipped: unchanged" in line
    assert "Fine-tuning steps" not in printed.err
    assert "Evaluating" not in printed.err
    assert f"{MODEL} version 1 is already champion" in printed.out
    assert seconds < demo.seconds / 2


def test_status_shows_the_champion_and_the_last_decision(demo, again, run_pawl):
    printed = run_pawl("status", home=demo.home, cwd=demo.cwd)
    [row, last_change] = [line for line in printed.out.splitlines() if MODEL in line]
    assert "version 1" in row
    assert "promote" in row
    assert last_change.startswith(f"{MODEL}: ")


def test_the_pin_names_every_file_and_verifies(demo, run_pawl):
    printed = run_pawl("pin", MODEL, "--out", "pin.yaml", home=demo.home, cwd=demo.cwd)
    pin = yaml.safe_load(printed.out)
    assert pin == yaml.safe_load((demo.cwd / "pin.yaml").read_text())
    assert pin["version"] == 1
    assert {"model.safetensors", "config.json", "tokenizer.json"} <= {
        file["path"] for file in pin["files"]
    }
    verified = run_pawl("verify", "pin.yaml", home=demo.home, cwd=demo.cwd)
    assert verified.code == 0
    assert f"{len(pin['files'])} files verified" in verified.out


def test_one_flipped_byte_in_a_weight_file_fails_verification_and_names_the_file(demo, run_pawl):
    run_pawl("pin", MODEL, "--out", "pin.yaml", home=demo.home, cwd=demo.cwd)
    [weights] = (demo.home / "models").glob("*/model.safetensors")
    whole = weights.read_bytes()
    position = len(whole) // 2
    flipped = bytes([whole[position] ^ 1])
    weights.write_bytes(whole[:position] + flipped + whole[position + 1 :])
    try:
        verified = run_pawl("verify", "pin.yaml", home=demo.home, cwd=demo.cwd)
    finally:
        weights.write_bytes(whole)
    assert verified.code == 1
    assert "model.safetensors: expected sha256" in verified.err
    assert "Traceback" not in verified.err


def test_there_is_no_way_back_from_the_first_champion(demo, run_pawl):
    printed = run_pawl("rollback", MODEL, "--reason", "try", home=demo.home, cwd=demo.cwd)
    assert printed.code == 1
    assert "expected an earlier champion, found none" in printed.err


def test_lineage_is_on_the_registered_version(demo):
    from registry.records import LINEAGE_TAGS
    from registry.store import ModelStore

    store = ModelStore(f"sqlite:///{demo.home / 'mlflow.db'}")
    record = store.version(MODEL, 1)
    assert set(record.lineage) == set(LINEAGE_TAGS)
    assert all(record.lineage.values())
    assert record.lineage["base_digest"].startswith("sha256:")
    decision = json.loads(store.read_attachment(record.run_id, "decision.json"))
    assert (decision["outcome"], decision["promoted"]) == ("promote", record.tag("candidate"))
    assert b"<html" in store.read_attachment(record.run_id, "report.html")
