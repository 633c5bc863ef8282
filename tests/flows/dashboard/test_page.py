from datetime import UTC, datetime, timedelta

import pytest

from evals.report.html_page import report_html
from flows.dashboard.facts import ModelFacts, PinFacts, read_pin_facts
from flows.dashboard.page import dashboard, next_words, problems_of
from flows.dashboard.schedule import ReEvaluationSchedule
from registry.score_history import DecidedScores, Score
from registry.staleness import Staleness
from registry.status import ModelStatus

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEDULE = ReEvaluationSchedule(of_all=NOW + timedelta(days=2))


def decided(version, outcome, **values):
    scores = {
        role: {
            "micro_f1": Score(
                value=value, low=value - 0.02, high=value + 0.02, rows=255, clusters=200
            )
        }
        for role, value in values.items()
    }
    return DecidedScores(
        version=version, candidate="awq", outcome=outcome,
        decided_ms=1_764_000_000_000 + version * 86_400_000, scores=scores,
    )  # fmt: skip


@pytest.fixture
def model(tmp_path):
    status = ModelStatus(
        name="extractor", champion_version=2, challenger_version=3, last_outcome="reject",
        last_change=None, warnings=(),
        evidence=Staleness(age_days=41, reasons=("the task changed since the decision",)),
    )  # fmt: skip
    pin = PinFacts(
        path=tmp_path, version=2, candidate="awq", weights_digest="sha256:" + "a" * 64, files=5
    )
    history = (
        decided(1, "promote", candidate=0.8, baseline=0.7),
        decided(2, "promote", candidate=0.85, champion=0.8, baseline=0.7),
        decided(3, "reject", candidate=0.6, champion=0.85, baseline=0.7),
    )
    return ModelFacts(status=status, pin=pin, history=history)


def test_page_tells_pin_age_next_re_evaluation_and_what_is_stale(model, tmp_path):
    page = dashboard([model], SCHEDULE, tmp_path, NOW, "Registry: sqlite")
    html = report_html(page, tmp_path)
    assert "version 2, awq, 5 files" in html
    assert "41 days, STALE" in html
    assert "2026-11-26 12:00 UTC" in html
    assert "extractor: stale evidence: the task changed since the decision" in html
    assert "1 model, 1 with a champion; 1 to look into." in html
    assert html.count("data:image/png;base64,") == 1


def test_every_score_by_decision_has_its_interval_and_n(model, tmp_path):
    page = dashboard([model], SCHEDULE, tmp_path, NOW, "Registry: sqlite")
    [table] = [
        block for section in page.sections for block in section.blocks
        if getattr(block, "caption", "").startswith("Scores by decision")
    ]  # fmt: skip
    assert table.rows[0][2:5] == (
        "candidate (awq)",
        "0.600 (0.580 to 0.620)",
        "255 rows, 200 documents",
    )
    assert [row[0] for row in table.rows] == ["version 3"] * 3 + ["version 2"] * 3 + [
        "version 1"
    ] * 2


def test_a_model_without_decisions_and_an_empty_registry_are_told(tmp_path):
    status = ModelStatus(
        name="new", champion_version=None, challenger_version=None, last_outcome=None,
        last_change=None, warnings=(),
    )  # fmt: skip
    page = dashboard([ModelFacts(status=status, pin=None)], None, tmp_path, NOW, "Registry")
    html = report_html(page, tmp_path)
    assert "no Prefect server" in html
    assert "No decision with recorded scores yet." in html
    assert "No model is registered yet." in report_html(
        dashboard([], None, tmp_path, NOW, "Registry"), tmp_path
    )


def test_a_model_that_nothing_re_evaluates_says_so():
    assert next_words(ReEvaluationSchedule(), "extractor") == "not scheduled"


def test_a_pin_of_another_version_than_the_champion_is_a_problem(model):
    stale_pin = model.model_copy(
        update={"pin_problem": "pins version 1, but the champion is version 2"}
    )
    assert problems_of(stale_pin)[-1].startswith("pins version 1")


def test_a_pin_file_is_read_and_compared_with_the_champion(demo):
    path = demo.home / "pins" / "clinical-notes-extractor.yaml"
    facts, problem = read_pin_facts(path, 1)
    assert (facts.version, facts.candidate, problem) == (1, "awq", None)
    assert "pins version 1, but the champion is version 2" in read_pin_facts(path, 2)[1]
    assert read_pin_facts(path.with_name("absent.yaml"), 1) == (None, None)


def test_an_unreadable_pin_is_a_problem_and_no_pin(tmp_path):
    (tmp_path / "pin.yaml").write_text("version: [")
    facts, problem = read_pin_facts(tmp_path / "pin.yaml", 1)
    assert facts is None
    assert "pin.yaml" in problem


def test_status_writes_the_page_of_what_the_demo_registered(demo, run_pawl, tmp_path):
    printed = run_pawl("status", "--html", tmp_path / "status.html", home=demo.home, cwd=demo.cwd)
    assert printed.code == 0, printed.err
    html = (tmp_path / "status.html").read_text()
    assert "clinical-notes-extractor" in html
    assert "version 1, awq" in html
    assert "micro_f1" in html
