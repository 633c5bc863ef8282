import dataclasses
import time

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from configs.load import load_task
from evals.engines.completion import Completion
from evals.evaluation import read_evaluation, write_evaluation
from evals.evaluation_problems import problems_of
from evals.evidence import Evidence
from evals.gate import decide
from evals.metric import mean_metric
from evals.runner import score_completions
from evals.running_costs import latency_p95
from evals.stats.totals import cluster_sums
from finetune.synthetic.generators import generate_rows

ROWS = 40


@pytest.fixture
def spoilt(evaluation_of):
    """A sound evaluation with other values in some columns; `graded` is a mean score."""

    def make(**columns):
        sound = evaluation_of("awq", tp=[1] * ROWS, slices=["ward", "clinic"] * (ROWS // 2))
        frame = sound.frame.assign(graded=0.5)
        for name, value in columns.items():
            changed = frame[name.replace("__", ".")].astype(object).tolist()
            changed[3] = value
            frame[name.replace("__", ".")] = changed
        metrics = (*sound.metrics, mean_metric("graded"))
        return dataclasses.replace(sound, metrics=metrics, frame=frame)

    return make


def test_sound_rows_have_no_problems(spoilt):
    assert problems_of(spoilt()) == ()


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"fp": -1}, "column fp: expected 0 or more, got -1 in row r3"),
        ({"graded": 7.0}, "column graded: expected a score from 0 to 1, got 7 in row r3"),
        ({"graded": -0.5}, "column graded: expected 0 or more, got -0.5 in row r3"),
        (
            {"graded": float("inf")},
            "column graded: expected a score from 0 to 1, got inf in row r3",
        ),
        (
            {"valid_json": 0.5},
            "column valid_json: expected 0 or 1, as valid_json is binary, got 0.5",
        ),
        ({"valid_json": 100}, "column valid_json: expected a score from 0 to 1, got 100 in row r3"),
        ({"tp": "many"}, "column tp: expected a number, got many in row r3"),
        ({"latency_s": "fast"}, "column latency_s: expected a number, got fast in row r3"),
        ({"latency_s": -1.0}, "column latency_s: expected 0 or more, got -1 in row r3"),
        (
            {"latency_s": None},
            "column latency_s: expected a number in every row or in none, got nan",
        ),
        ({"output_tokens": -4}, "column output_tokens: expected 0 or more, got -4 in row r3"),
        (
            {"slice__note_type": None},
            "column slice.note_type: expected a value in every row, got no",
        ),
        (
            {"slice__note_type": 7},
            "column slice.note_type: expected text in every row, got 7 in row",
        ),
    ],
)
def test_each_problem_is_told_with_column_and_row(spoilt, columns, told):
    [problem] = problems_of(spoilt(**columns))
    assert told in str(problem)
    assert (problem.rows, problem.ids) == (1, ("r3",))


def test_all_problems_of_an_evaluation_are_told_at_once_and_none_twice(spoilt):
    bad = spoilt(fp=-1, graded=7.0, slice__note_type=None)
    problems = problems_of(bad)
    assert len(problems) == len(set(problems)) == 3
    evidence = Evidence({"awq": bad, "baseline": spoilt()}, {"awq": "a", "baseline": "b"})
    policy = GateConfig(comparisons=(Comparison(metric="micro_f1", margin=0.05),))
    with pytest.raises(
        EvidenceError, match=r"awq on clinical-notes: .* 3 problems: column fp.*r3;"
    ):
        decide(policy, ["awq"], evidence, seed=1)


def test_more_rows_than_are_named_are_counted(spoilt):
    bad = spoilt()
    bad.frame["graded"] = 2.0
    [problem] = problems_of(bad)
    assert str(problem).endswith("got 2 in row r0, r1, r2, r3, r4 and 35 more")


def test_what_was_measured_nowhere_is_no_problem(spoilt):
    silent = spoilt()
    silent.frame[["latency_s", "input_tokens"]] = np.nan
    assert problems_of(silent) == ()
    silent.frame["latency_s"] = 0.0
    assert problems_of(silent) == ()


def test_a_numerator_above_its_denominator_is_refused(spoilt):
    bad = spoilt()
    recall = next(m for m in bad.metrics if m.name == "micro_recall")
    ratio = recall.ratios[0].model_copy(update={"denominator": {"fn": 1.0}})
    metric = recall.model_copy(update={"name": "odd", "ratios": (ratio,)})
    [problem] = problems_of(dataclasses.replace(bad, metrics=(metric,)))
    assert "column tp: expected at most fn, got 1" in str(problem)


def test_an_unsound_evaluation_is_not_read(spoilt, tmp_path):
    bad = spoilt()
    bad.frame["fp"] = -1
    write_evaluation(bad, tmp_path)
    with pytest.raises(
        EvidenceError, match=r"awq on clinical-notes: .*column fp: expected 0 or mo"
    ):
        read_evaluation(tmp_path, "awq")


def test_second_answers_and_guard_tasks_are_looked_at_too(spoilt):
    policy = GateConfig(comparisons=(Comparison(metric="micro_f1", margin=0.05),))
    sound, bad = {"awq": spoilt(), "baseline": spoilt()}, {"awq": spoilt(fp=-1)}
    digests = {"awq": "a", "baseline": "b", "guard/awq": "c"}
    for more in ({"guards": {"guard": bad}}, {"asked_again": bad}):
        with pytest.raises(EvidenceError, match="column fp"):
            decide(policy, ["awq"], Evidence(sound, digests, **more), seed=1)


def test_text_in_a_score_is_named_where_sums_are_taken(spoilt):
    bad = spoilt(tp="many")
    with pytest.raises(
        EvidenceError, match="micro_f1: tp: expected a number in every row, got text"
    ):
        cluster_sums(bad.frame, bad.metric("micro_f1"))


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_one_row_of_a_document_without_latency_is_no_latency_of_the_document(evaluation_of, value):
    some = evaluation_of("awq", tp=[1] * ROWS, rows_per_document=2)
    some.frame.loc[5, "latency_s"] = value
    with pytest.raises(EvidenceError, match=r"awq: latency_s: .* got none in 1: r5"):
        latency_p95(some, 0.05)


@pytest.mark.parametrize("name", ["message-triage", "discharge-summary", "guideline-qa", "phee"])
@pytest.mark.parametrize("answered", ["right", "wrong"])
def test_what_the_shipped_scorers_write_is_sound(name, answered):
    task = load_task(name)
    if name == "phee":
        rows = [{
            "id": "r1", "doc_id": "d1", "text": "Rash after aspirin.",
            "target": {field: [] for field in task.fields} | {"treatment": ["aspirin"]},
        }]  # fmt: skip
        rows[0]["target"]["event_type"] = task.output_schema["properties"]["event_type"].get(
            "enum", [["Adverse_event"]]
        )[:1]
    else:
        rows = list(generate_rows(name, "test", 6, 3))
    texts = [task.answer(row["target"]) if answered == "right" else "no idea" for row in rows]
    given = [Completion(text, "stop", 3) for text in texts]
    found = score_completions(
        task, rows, given, system="awq", engine="written here", data_digest="sha256:d"
    )
    assert problems_of(found) == ()


def test_a_hundred_thousand_rows_take_less_than_a_third_of_a_second(evaluation_of):
    rows = 100_000
    large = evaluation_of("awq", tp=np.ones(rows, int), slices=["ward", "clinic"] * (rows // 2))
    started = time.process_time()
    assert problems_of(large) == ()
    assert time.process_time() - started < 0.3
