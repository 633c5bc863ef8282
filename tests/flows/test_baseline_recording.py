"""`pawl baseline` as a person uses it, against a server on a socket; also killed in the middle."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from configs.baseline import EndpointBaseline
from configs.errors import PawlError
from configs.load import load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from evals.baseline_bank.errors import BankError
from evals.engines.recorded import RecordedEngine
from evals.runner import decoding_of, requests_of
from flows.baseline_recording import banked_endpoint, baseline_bank, refuse_expired_endpoint
from flows.cli_baseline import app
from tests.openai_protocol import completion_body

ROWS = 40
PRICES = ("--price-input-per-million", 1e6, "--price-output-per-million", 1e6)
ROW_COST = 8  # 3 prompt tokens and 5 written
EMPTY = {"medications": [], "problems": [], "allergies": [], "adverse_events": []}


def write_rows(path, rows=ROWS):
    lines = [
        {"id": f"r{i}", "doc_id": f"d{i}", "text": f"note {i}", "target": EMPTY,
         "note_type": "letter", "unseen_drug": False}
        for i in range(rows)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def data(tmp_path, monkeypatch):
    monkeypatch.setenv("PAWL_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    return write_rows(tmp_path / "rows.jsonl")


def arguments(served, data, *more):
    endpoint = ("--base-url", served.url, "--model", "big", "--max-concurrency", 2)
    return [str(a) for a in ("record", "clinical-notes", data, *endpoint, *more)]


def baseline(served, data, *more):
    done = CliRunner().invoke(app, arguments(served, data, *more))
    if isinstance(done.exception, PawlError):
        raise done.exception
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done


def start(served, data):
    return subprocess.Popen(
        [sys.executable, "-c", "from flows.cli_baseline import app; app()",
         *arguments(served, data)],
        env=os.environ | {"PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        # A shell that runs the tests in the background has its children ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip


def wait_for_answers(count):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        entries = baseline_bank().entries()
        if entries and len(entries[0].answers) >= count:
            return
        time.sleep(0.01)
    raise AssertionError(f"no {count} answers in time")


def test_killed_in_the_middle_it_goes_on_and_pays_no_kept_answer_twice(served, data):
    served.behave = lambda prompt, attempt: time.sleep(0.03)
    recorder = start(served, data)
    wait_for_answers(8)
    recorder.kill()
    recorder.communicate()
    [entry] = baseline_bank().entries()
    kept = {f"note {answer.id[1:]}" for answer in entry.answers}
    assert 8 <= len(kept) < ROWS
    served.behave = lambda prompt, attempt: None
    baseline(served, data)
    [entry] = baseline_bank().entries()
    assert sorted(a.id for a in entry.answers) == sorted(f"r{i}" for i in range(ROWS))
    assert {served.attempts[prompt] for prompt in kept} == {1}
    # Asked of the killed recorder and not yet kept: at most one group of 2 x max_concurrency.
    assert sum(served.attempts.values()) <= ROWS + 4


def test_interrupted_it_says_how_to_go_on(served, data):
    served.behave = lambda prompt, attempt: time.sleep(0.03)
    recorder = start(served, data)
    wait_for_answers(8)
    recorder.send_signal(signal.SIGINT)
    out, err = recorder.communicate(timeout=30)
    assert recorder.returncode == 130
    assert "Traceback" not in out + err
    found = re.search(r"Interrupted: (\d+) of 40 answers are kept\. Run the same command", out)
    [entry] = baseline_bank().entries()
    assert int(found[1]) == len(entry.answers) == entry.record.totals.rows


def test_recorded_answers_can_be_exported_and_cost_nothing_again(served, data, tmp_path):
    out = tmp_path / "recording.jsonl"
    first = baseline(served, data, *PRICES, "--currency", "EUR", "--out", out)
    assert f"Recorded {ROWS} rows ({ROWS} asked) of big, {ROWS * ROW_COST}.0000 EUR" in first.output
    baseline(served, data, *PRICES, "--currency", "EUR")
    assert sum(served.attempts.values()) == ROWS
    task = load_task("clinical-notes")
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    answers = RecordedEngine(out, "big").answer(requests_of(task, rows), decoding_of(task))
    assert [a.text for a in answers] == [f"echo note {i}" for i in range(ROWS)]


def test_it_says_how_answers_are_read_and_a_changed_declaration_asks_nobody_again(
    served, data, tmp_path
):
    fenced = completion_body(f"```json\n{json.dumps(EMPTY)}\n```")
    served.behave = lambda prompt, attempt: (200, {}, fenced)
    printed = " ".join(baseline(served, data).output.split())
    assert "Answers are read as strict JSON: one JSON object and nothing around it: 0% (" in printed
    assert f"0 of {ROWS} rows of {ROWS} documents) can be" in printed
    assert 'Not readable: for example row r0: \'```json\\n{"medications"' in printed
    assert f"Declare `answer_format: [fenced]` in the task, which reads {ROWS} of" in printed

    task = read_yaml(SHIPPED / "tasks" / "clinical-notes.yaml") | {"answer_format": ["fenced"]}
    (tmp_path / "task.yaml").write_text(yaml.safe_dump(task, sort_keys=False))
    declared = [str(tmp_path / "task.yaml") if a == "clinical-notes" else a
                for a in arguments(served, data)]  # fmt: skip
    again = " ".join(CliRunner().invoke(app, declared).output.split())
    assert f"Recorded {ROWS} rows (0 asked)" in again
    assert f"{ROWS} of {ROWS} rows of {ROWS} documents) can be" in again
    assert "Not readable" not in again
    assert sum(served.attempts.values()) == ROWS


def test_an_estimate_asks_nothing(served, data):
    fresh = baseline(served, data, *PRICES, "--estimate").output
    assert f"To ask: {ROWS} prompts for {ROWS} rows. Estimated, nothing was asked" in fresh
    assert f"at most {ROWS * load_task('clinical-notes').max_new_tokens} tokens" in fresh
    assert served.attempts == {}
    assert not baseline_bank().directory.exists()
    baseline(served, write_rows(data, 10))
    later = baseline(served, write_rows(data), *PRICES, "--estimate").output
    assert f"To ask: {ROWS - 10} prompts" in later
    assert f"about {5 * (ROWS - 10)} tokens written" in later
    assert sum(served.attempts.values()) == 10


def test_the_largest_cost_stops_it_and_a_larger_one_goes_on(served, data):
    with pytest.raises(BankError, match=r"at most 600 USD.*Raise the largest cost"):
        baseline(served, data, *PRICES, "--max-cost", 600)
    [entry] = baseline_bank().entries()
    kept = len(entry.answers)
    assert 0 < kept < ROWS
    assert entry.record.totals.cost == kept * ROW_COST <= 600
    baseline(served, data, *PRICES, "--max-cost", 10_000)
    assert sum(served.attempts.values()) == ROWS


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (("--max-cost", 3), "expected prices"),
        (("--price-input-per-million", 3), "expected both prices or none"),
        (("--weights", "pawl://tiny-clinical"), "expected an endpoint .* or --weights"),
        (("--max-concurrency", 0), "max_concurrency"),
    ],
)
def test_arguments_that_do_not_fit_together_are_named(served, data, more, words):
    with pytest.raises(PawlError, match=words):
        baseline(served, data, *more)
    assert served.attempts == {}


def test_what_is_recorded_is_listed_and_shown(served, data):
    empty = CliRunner().invoke(app, ["list"])
    assert "No baselines in" in empty.output
    baseline(served, data, *PRICES, "--expires-days", 30, "--revision", "2026-01")
    [entry] = baseline_bank().entries()
    table = CliRunner().invoke(app, ["list"]).output
    expires = f"{entry.record.expires_at:%Y-%m-%d}"
    for cell in ("clinical-notes", "big", str(ROWS), "0.0", expires, "320.0000 USD"):
        assert cell in table
    assert entry.key[:12] in table
    shown = json.loads(CliRunner().invoke(app, ["show", entry.key[:8]]).output)
    assert shown["identity"]["model"]["revision"] == "2026-01"
    assert shown["engine_versions"] == ["server 0.11.0"]
    assert shown["totals"]["rows"] == ROWS
    assert len(shown["data_digests"]) == 1


def test_local_weights_are_recorded_by_digest(data):
    write_rows(data, 2)
    command = ["record", "clinical-notes", str(data), "--weights", "pawl://tiny-clinical"]
    done = CliRunner().invoke(app, command)
    assert "Recorded 2 rows (2 asked) of pawl://tiny-clinical, no price" in done.output
    [entry] = baseline_bank().entries()
    assert entry.record.identity.model.digest.startswith("sha256:")
    assert entry.record.totals.output_tokens > 0


def test_a_lifecycle_takes_what_was_recorded_and_refuses_it_when_it_is_too_old(served, data):
    baseline(served, data)
    task = load_task("clinical-notes")
    rows = [json.loads(line) for line in data.read_text().splitlines()]
    endpoint = EndpointBaseline(kind="endpoint", base_url=served.url, model="big")
    refuse_expired_endpoint(endpoint, task)
    engine = banked_endpoint(endpoint, task, "sha256:rows")
    assert len(engine.answer(requests_of(task, rows), decoding_of(task))) == ROWS
    assert sum(served.attempts.values()) == ROWS
    brief = endpoint.model_copy(update={"max_age_days": 1e-9})
    with pytest.raises(BankError, match="--renew"):
        refuse_expired_endpoint(brief, task)
    with pytest.raises(BankError, match="--renew"):
        banked_endpoint(brief, task, "sha256:rows").answer(
            requests_of(task, rows), decoding_of(task)
        )


def test_a_lifecycle_without_a_record_is_not_refused(served, data):
    endpoint = EndpointBaseline(kind="endpoint", base_url=served.url, model="big", max_age_days=1)
    refuse_expired_endpoint(endpoint, load_task("clinical-notes"))
