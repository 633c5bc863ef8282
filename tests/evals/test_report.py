import re

import numpy as np
import pytest

from configs.gate_policy import GateConfig, NonInferiority
from evals.gate import decide
from evals.report import report_markdown, score_table, write_report

ROWS = 80


@pytest.fixture
def systems(evaluation_of):
    gold = np.full(ROWS, 5)
    slices = np.where(np.arange(ROWS) % 4 == 0, "discharge", "ward | night")

    def make(name, missed):
        return evaluation_of(name, tp=gold - missed, fn=missed, rows_per_document=2, slices=slices)

    rng = np.random.default_rng(1)
    return {
        name: make(name, rng.binomial(gold, share))
        for name, share in (("base", 0.9), ("awq", 0.05), ("baseline", 0.05))
    }


@pytest.fixture
def decision(systems):
    policy = GateConfig(
        resamples=1000, non_inferiority=(NonInferiority(metric="micro_f1", margin=0.3),), floors=()
    )
    return decide(
        policy, {"awq": systems["awq"]}, {"baseline": systems["baseline"]},
        seed=1, evidence=dict.fromkeys(systems, "sha256:0"),
    )  # fmt: skip


def texts(systems):
    return {
        "sizes_bytes": {"base": 5_600_000, "awq": 1_900_000},
        "baseline_description": "recorded answers of a 70B model",
        "title": "demo",
        "description": "A <b>tiny</b> model.",
    }


def cells(table):
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


def test_every_system_stands_with_scores_intervals_n_and_size(systems):
    header, _, *rows = cells(score_table(systems, {"awq": 1_900_000}))
    assert [row[0] for row in rows] == ["base", "awq", "baseline"]
    awq = dict(zip(header, rows[1], strict=True))
    assert re.fullmatch(r"0\.9\d\d \(0\.9\d\d to 0\.9\d\d\)", awq["micro_f1"])
    assert awq["valid_json"].startswith("1.000 (")
    assert awq["n"] == "80 rows, 40 documents"
    assert awq["size"] == "1.90 MB"
    assert rows[2][-1] == ""


def test_the_report_says_outcome_baseline_reasons_and_digest(systems, decision):
    report = report_markdown(decision, systems, **texts(systems))
    assert report.startswith("# demo: promote\n")
    assert "The baseline is recorded answers of a 70B model." in report
    assert all(f"- {reason}" in report for reason in decision.reasons)
    assert decision.digest in report


def test_every_table_has_as_many_cells_in_every_row_as_in_its_header(systems, decision):
    report = report_markdown(decision, systems, **texts(systems))
    for block in report.split("\n\n"):
        if block.startswith("|"):
            assert len({len(row) for row in cells(block)}) == 1
    assert r"ward \| night" in report


def test_the_html_needs_no_other_file_and_trusts_no_text(tmp_path, systems, decision):
    write_report(tmp_path, decision, systems, **texts(systems))
    assert {path.name for path in tmp_path.iterdir()} == {
        "report.md", "report.html", "scores.png", "differences.png"}  # fmt: skip
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r'src="([^"]{0,30})', page)
    assert len(sources) == 2
    assert all(source.startswith("data:image/png;base64,") for source in sources)
    assert "<table>" in page
    assert "<b>tiny</b>" not in page
    assert '<h1 class="promote">demo: promote</h1>' in page


def test_the_same_inputs_give_the_same_bytes(tmp_path, systems, decision):
    for place in ("one", "two"):
        (tmp_path / place).mkdir()
        write_report(tmp_path / place, decision, systems, **texts(systems))
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
