import re

import pytest

from configs.gate_policy import Comparison, Floor, GateConfig
from evals.evaluation import Evaluation
from evals.metric import mean_metric
from evals.report.tables import (
    check_table,
    markdown_table,
    score_cells,
    score_table,
    shown_metrics,
    slice_table,
)

INTERVAL = r"-?\d\.\d{3} \(-?\d\.\d{3} to -?\d\.\d{3}\)"


def cells(table):
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[c.strip() for c in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]


@pytest.fixture
def classification(evaluation_of):
    """An evaluation with mean metrics only."""
    frame = evaluation_of(tp=[1] * 40).frame.assign(accuracy=[1, 1, 1, 0] * 10, calm=0.25)
    metrics = (mean_metric("accuracy", binary=True), mean_metric("calm"))
    return Evaluation("clf", "engine", "triage", "sha256:d", metrics, frame)


def test_every_system_stands_with_scores_intervals_n_and_size(systems):
    header, _, *rows = cells(score_table(systems, {"awq": 1_900_000}))
    assert [row[0] for row in rows] == ["base", "awq", "baseline"]
    awq = dict(zip(header, rows[1], strict=True))
    assert re.fullmatch(INTERVAL, awq["micro_f1"])
    assert awq["valid_json"].startswith("1.000 (")
    assert awq["n"] == "80 rows, 40 documents"
    assert awq["size"] == "1.90 MB"
    assert rows[2][-1] == ""


def test_the_first_six_metrics_of_the_task_are_shown_unless_named(systems):
    header, _ = score_cells(systems)
    assert header == [
        "system", "micro_f1", "micro_precision", "micro_recall", "valid_json", "schema_conformance",
        "exact_match", "n", "size",
    ]  # fmt: skip
    assert score_cells(systems, metrics=["exact_match"])[0] == [
        "system",
        "exact_match",
        "n",
        "size",
    ]


def test_the_policys_metrics_come_first_and_those_of_other_tasks_do_not(systems):
    policy = GateConfig(
        comparisons=(
            Comparison(metric="exact_match", margin=0.1),
            Comparison(metric="micro_recall", margin=0.1, task="other", references=("base",)),
        ),
        floors=(Floor(metric="micro_f1.problems", minimum=0.5),),
    )
    shown = shown_metrics(systems, policy)
    assert shown[:3] == ("exact_match", "micro_f1.problems", "micro_f1")
    assert len(shown) == len(set(shown)) == 7
    assert shown_metrics(systems, policy, "other")[0] == "micro_recall"


def test_a_metric_that_an_evaluation_lacks_is_an_empty_cell(systems, classification):
    header, rows = score_cells({**systems, "clf": classification}, metrics=["micro_f1", "accuracy"])
    assert dict(zip(header, rows[-1], strict=True))["micro_f1"] == ""
    assert re.fullmatch(INTERVAL, dict(zip(header, rows[-1], strict=True))["accuracy"])
    assert rows[0][2] == ""


def test_mean_metrics_alone_make_a_table(classification):
    header, rows = score_cells({"clf": classification})
    assert header == ["system", "accuracy", "calm", "n", "size"]
    assert rows[0][1].startswith("0.750 (")
    assert rows[0][2].startswith("0.250 (")


def test_pipes_and_line_breaks_stay_inside_their_cell():
    assert cells(markdown_table(["a", "b"], [["x|y", "1\n2"]]))[2] == [r"x\|y", "1 2"]


def test_every_check_stands_with_rule_reference_bounds_p_n_and_reason(decision_of, check_of):
    checks = [
        check_of(),
        check_of("reject", kind="floor", metric="valid_json", reference=None, threshold=0.95,
                 slice="ward = night", value=0.9, rows=12, clusters=7, p_value=1e-9),
        check_of(kind="equivalence", task="arc_easy", reference="base", required=False),
    ]  # fmt: skip
    table = check_table(decision_of({"awq": checks}), "clinical-notes")
    assert table.outcomes == ("promote", "reject", "promote")
    first, floor, guard = (dict(zip(table.header, row, strict=True)) for row in table.rows)
    assert first == {
        "candidate": "awq", "rule": "non-inferiority of micro_f1", "against": "baseline",
        "must be": "above -0.05", "value (bounds)": "+0.000 (-0.030 to +0.030)", "p": "0.0123",
        "alpha": "0.05", "n": "255 rows, 200 documents", "outcome": "✓ holds", "reason": "holds",
    }  # fmt: skip
    assert floor["rule"] == "floor of valid_json where ward = night"
    assert (floor["value (bounds)"], floor["p"]) == ("0.900 (0.870 to 0.930)", "<0.0001")
    assert (floor["n"], floor["outcome"]) == ("12 rows, 7 documents", "✗ fails")
    assert guard["rule"] == "equivalence of micro_f1 on arc_easy (reported only)"
    assert guard["must be"] == "within ±0.05"


def test_an_infinite_bound_is_said_to_be_none(decision_of, check_of):
    check = check_of(
        kind="ceiling", reference=None, value=1.5, low=1.0, high=float("inf"), threshold=2
    )
    row = check_table(decision_of({"awq": [check]}), "clinical-notes").rows[0]
    assert "1.500 (1.000 to none)" in row


def test_slices_have_intervals_and_n_and_small_ones_are_marked(systems):
    table = slice_table(systems, "micro_f1", min_clusters=30)
    rows = {row[0]: row for row in table.rows}
    assert set(rows) == {"note_type = discharge", "note_type = ward | night"}
    assert all(re.fullmatch(INTERVAL, cell) for row in table.rows for cell in row[1:-1])
    assert rows["note_type = discharge"][-1] == "20 rows, 20 documents (small n)"
    assert rows["note_type = ward | night"][-1] == "60 rows, 40 documents"


def test_systems_that_answered_different_rows_of_a_slice_have_each_their_n(evaluation_of):
    systems = {
        name: evaluation_of(name, tp=[1, 2] * (rows // 2), slices=["a", "b"] * (rows // 2))
        for name, rows in (("awq", 20), ("baseline", 40))
    }
    table = slice_table(systems, "micro_f1", min_clusters=5)
    assert table.rows[0][-1] == "awq: 10 rows, 10 documents; baseline: 20 rows, 20 documents"


def test_a_task_without_slices_has_no_slice_table(evaluation_of):
    assert slice_table({"awq": evaluation_of(tp=[1, 2])}, "micro_f1", 2) is None
