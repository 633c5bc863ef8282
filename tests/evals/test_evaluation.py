import json

import pandas as pd
import pytest

from configs.errors import EvidenceError
from evals.evaluation import COLUMNS, Evaluation, read_evaluation, write_evaluation
from evals.metric import count_metrics, mean_metric

METRICS = (*count_metrics(), mean_metric("valid_json", binary=True))


def evaluation():
    frame = pd.DataFrame(
        {
            "id": ["r1", "r2"], "cluster": ["d1", "d1"], "prompt_digest": ["sha256:1", "sha256:2"],
            "raw_output": ['{"a": 1}', "\u2028 ä \x00"], "finish_reason": ["stop", "length"],
            "input_tokens": [9, 9], "output_tokens": [5, 6], "latency_s": [0.1, 0.2], "valid_json": [True, False],
            "schema_conformance": [True, False], "exact_match": [False, False],
            "tp": [1, 0], "fp": [0, 2], "fn": [0, 3],
        }
    )  # fmt: skip
    return Evaluation("awq", "tiny", "clinical-notes", "sha256:data", METRICS, frame)


def test_what_is_written_is_read_back(tmp_path):
    write_evaluation(evaluation(), tmp_path)
    back = read_evaluation(tmp_path, "awq")
    pd.testing.assert_frame_equal(back.frame, evaluation().frame, check_dtype=False)
    assert (back.system, back.engine, back.task) == ("awq", "tiny", "clinical-notes")
    assert (back.data_digest, back.metrics) == ("sha256:data", METRICS)
    assert (back.rows, back.clusters) == (2, 1)


def test_equal_evaluations_give_equal_bytes(tmp_path):
    for place in ("one", "two"):
        write_evaluation(evaluation(), tmp_path / place)
    for name in ("examples.parquet", "evaluation.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_missing_evaluation_is_named(tmp_path):
    with pytest.raises(EvidenceError, match="nowhere: expected a stored evaluation"):
        read_evaluation(tmp_path / "nowhere", "awq")


@pytest.mark.parametrize("damage", ["cut parquet", "no task", "not JSON", "no score"])
def test_a_damaged_evaluation_is_refused(tmp_path, damage):
    write_evaluation(evaluation(), tmp_path)
    parquet, facts = tmp_path / "examples.parquet", tmp_path / "evaluation.json"
    if damage == "cut parquet":
        parquet.write_bytes(parquet.read_bytes()[:-20])
    elif damage == "no task":
        content = json.loads(facts.read_text())
        del content["task"]
        facts.write_text(json.dumps(content))
    elif damage == "not JSON":
        facts.write_text("{")
    else:
        evaluation().frame[list(COLUMNS)].to_parquet(parquet)
    with pytest.raises(EvidenceError, match="expected a stored evaluation"):
        read_evaluation(tmp_path, "awq")


def test_a_metric_that_is_not_measured_is_named_with_those_that_are():
    with pytest.raises(
        EvidenceError, match=r"expected one of the metrics micro_f1, .*got 'accuracy'"
    ):
        evaluation().metric("accuracy")
