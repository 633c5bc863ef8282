"""A distillation against a teacher on a socket: killed in the middle, gone on with, and gated."""

import json
import re
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from prefect.settings import PREFECT_API_URL, temporary_settings

from configs.load import load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from evals.baseline_bank.bank import BaselineBank
from finetune.synthetic.notes import synthetic_rows
from tests.openai_protocol import OK, ProtocolServer, completion_body, serving
from tests.servers.processes import kill_group, start_process

DOCUMENTS, TEST_DOCUMENTS = 120, 32
TERMS = "Apache-2.0 weights of our own"
DEADLINE_S = 120
RUN = (
    "import sys; from flows.deployed.distill import distill; distill({'distillation': sys.argv[1]})"
)


class GoldTeacher(ProtocolServer):
    """Knows the right answer to every note; every tenth answer breaks the task."""

    def __init__(self):
        super().__init__(version={"version": "0.11.0"})
        self.delay_s = 0.02
        task = load_task("clinical-notes")
        rows = [
            *synthetic_rows("train", DOCUMENTS, 18),
            *synthetic_rows("test", TEST_DOCUMENTS, 17),
        ]
        self.gold = {row["text"]: task.answer(row["target"]) for row in rows}
        train = [row for row in rows if row["id"].startswith("train")]
        self.documents = {row["text"]: row["id"] for row in train}
        self.bad = {row["id"]: "No findings." for row in train[::10]}
        self.behave = self.answer

    def answer(self, prompt, attempt):
        time.sleep(self.delay_s)
        text = self.bad.get(self.documents.get(prompt), self.gold[prompt])
        return OK, {}, completion_body(text)


@dataclass
class Distilled:
    """What a finished distillation left behind."""

    teacher: GoldTeacher
    home: Path
    kept_when_killed: set
    summary: object
    seconds: float

    @property
    def taught(self):
        [directory] = (self.home / "cache" / "teach").glob("[0-9a-f]*")
        return directory / "files"

    def rows(self, split):
        lines = (self.taught / f"{split}.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]


def write_distillation(directory, url):
    """The demo with few rows, no quantization and no guard; returns the path of the distillation."""
    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | {"name": "student", "guard_tasks": []}
    demo |= {"quantizations": [], "registry": {"model_name": "student"}}
    demo["data"] |= {"validation_documents": 4, "test_documents": TEST_DOCUMENTS}
    demo["lora"] |= {"epochs": 2}
    demo["evaluation"] |= {"beside_constrained": False}
    demo["gate"] = {
        "candidates": ["fine-tuned"], "resamples": 1000, "preflight": {"action": "warn"},
        "comparisons": [{"metric": "micro_f1", "margin": 0.05, "references": ["base"]}],
    }  # fmt: skip
    (directory / "student.yaml").write_text(yaml.safe_dump(demo))
    distillation = {
        "name": "from-gold", "lifecycle": str(directory / "student.yaml"), "teacher_terms": TERMS,
        "teacher": {"kind": "endpoint", "base_url": url, "model": "big", "max_concurrency": 2,
                    "price": {"input_per_million": 1, "output_per_million": 1}},
        "documents": {"kind": "synthetic", "generator": "clinical-notes", "documents": DOCUMENTS,
                      "seed": 18},
    }  # fmt: skip
    path = directory / "from-gold.yaml"
    path.write_text(yaml.safe_dump(distillation))
    return path


def kill_when_some_are_answered(process, log, home):
    bank = BaselineBank(home / "baselines")
    deadline = time.monotonic() + DEADLINE_S
    try:
        while not (bank.entries() and len(bank.entries()[0].answers) >= 20):
            assert process.poll() is None, log.read_text()[-3000:]
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.02)
    finally:
        kill_group(process)
    [entry] = bank.entries()
    return {answer.id for answer in entry.answers}


@pytest.fixture(scope="module")
def distilled(prefect_server, migrated_database, tmp_path_factory):
    directory = tmp_path_factory.mktemp("distill")
    home = directory / "home"
    home.mkdir()
    shutil.copy(migrated_database, home / "mlflow.db")
    teacher = GoldTeacher()
    with serving(teacher) as url, pytest.MonkeyPatch.context() as patch:
        path = write_distillation(directory, url)
        log = directory / "killed.log"
        process = start_process(
            [sys.executable, "-c", RUN, str(path)],
            log=log, env=prefect_server.environment(PAWL_HOME=home),
        )  # fmt: skip
        kept = kill_when_some_are_answered(process, log, home)
        teacher.delay_s = 0
        for name in ("MLFLOW_TRACKING_URI", "OPENAI_API_KEY", "PAWL_DATA"):
            patch.delenv(name, raising=False)
        patch.setenv("PAWL_HOME", str(home))
        from flows.deployed.distill import distill
        from flows.requests.distill import DistillRequest

        started = time.monotonic()
        with temporary_settings({PREFECT_API_URL: prefect_server.api_url}):
            summary = distill(DistillRequest(distillation=str(path), requested_by="a tester"))
        yield Distilled(teacher, home, kept, summary, time.monotonic() - started)


def test_killed_in_mid_teaching_it_goes_on_and_asks_no_kept_answer_twice(distilled):
    texts = {i: text for text, i in distilled.teacher.documents.items()}
    assert 20 <= len(distilled.kept_when_killed) < DOCUMENTS
    attempts = distilled.teacher.attempts
    assert {attempts[texts[row]] for row in distilled.kept_when_killed} == {1}
    # In flight when it was killed: answered, perhaps, and not yet kept.
    asked_again = [text for text, count in attempts.items() if count > 1]
    assert len(asked_again) <= 2


def test_answers_that_break_the_task_are_left_out_and_listed(distilled):
    left_out = json.loads((distilled.taught / "left_out.json").read_text())
    assert {found["id"] for found in left_out} == set(distilled.teacher.bad)
    assert {found["reason"] for found in left_out} == {"unreadable"}
    rows = distilled.rows("train")
    expected = set(distilled.teacher.documents.values()) - set(distilled.teacher.bad)
    assert {row["id"] for row in rows} == expected


def test_taught_rows_and_the_run_say_who_taught_under_which_terms(distilled):
    origin = distilled.rows("train")[0]["taught_by"]
    assert origin["teacher"].startswith("answers of big at http")
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", origin["prompt_digest"])
    provenance = json.loads((distilled.taught / "provenance.json").read_text())
    assert provenance["teacher_terms"] == TERMS
    assert provenance["asked"] == provenance["kept"] + provenance["left_out"]["unreadable"]
    report = (distilled.summary.report / "report.md").read_text()
    assert f"Terms of the teacher: {TERMS}" in report


def test_validation_and_test_rows_stay_gold(distilled):
    wanted = [(row["id"], row["target"]) for row in synthetic_rows("test", TEST_DOCUMENTS, 17)]
    assert [(row["id"], row["target"]) for row in distilled.rows("test")] == wanted


def test_the_registered_version_keeps_the_terms_in_its_recipe(distilled, monkeypatch):
    from flows.home import model_store
    from registry.evidence import read_recipe

    monkeypatch.setenv("PAWL_HOME", str(distilled.home))
    store = model_store()
    recipe = read_recipe(store, store.version("student", 1))
    assert TERMS in recipe["description"]
    assert recipe["baseline"]["model"] == "big"


def test_the_student_beats_its_base(distilled):
    column = distilled.summary.score_header.index("micro_f1")
    scores = {row[0]: float(row[column].split()[0]) for row in distilled.summary.score_rows}
    assert distilled.summary.outcome == "promote", distilled.summary.reasons
    assert scores["fine-tuned"] > scores["base"] + 0.1
