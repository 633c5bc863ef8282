"""Logs of NVIDIA NeMo Evaluator, as it wrote them and as they may be damaged."""

import json

import pytest

from configs.errors import EvidenceError
from evals.logs.as_evaluation import as_evaluation
from evals.logs.find import read_log
from evals.stats.totals import metric_value
from tests.evals.logs.conftest import bundle_of


def reward(evaluation):
    return metric_value(evaluation.frame, evaluation.metric("reward"))


@pytest.mark.parametrize("name", ["candidate", "baseline", "repeats"])
def test_the_reward_equals_pass_at_1_that_nemo_printed(nemo_log, name):
    directory = nemo_log(name)
    printed = bundle_of(directory)["benchmark"]["scores"]["pass@1"]["value"]
    assert round(reward(as_evaluation(read_log(directory)).evaluation), 4) == printed


def test_answers_tokens_seconds_and_ends_are_those_of_the_log(nemo_log):
    rows = as_evaluation(read_log(nemo_log("candidate"))).evaluation.frame.set_index("log_id")
    assert rows.loc["2", "raw_output"] == "I do not know"
    assert rows.loc["2", ["input_tokens", "output_tokens", "finish_reason"]].tolist() == [
        42,
        3,
        "stop",
    ]
    assert (rows["latency_s"] > 0).all()


def test_without_trajectories_tokens_are_unknown(nemo_log):
    directory = nemo_log("candidate")
    (directory / "trajectories.jsonl").unlink()
    frame = as_evaluation(read_log(directory)).evaluation.frame
    assert set(frame["input_tokens"]) == {0}
    assert set(frame["finish_reason"]) == {"unknown"}


def test_repeats_are_rows_of_one_document(nemo_log):
    imported = as_evaluation(read_log(nemo_log("repeats")))
    assert (imported.evaluation.rows, imported.evaluation.clusters) == (4, 2)
    assert "pass@2" in imported.left_out


def test_failed_requests_are_refused_by_name_or_scored_wrong(nemo_log):
    log = read_log(nemo_log("broken"))
    with pytest.raises(EvidenceError, match=r"of 1: 5 \(error: Model returned HTTP 400"):
        as_evaluation(log)
    assert reward(as_evaluation(log, errors_as_wrong=True).evaluation) == 0.5


def test_documents_may_be_named_by_a_field_of_the_metadata(nemo_log):
    evaluation = as_evaluation(
        read_log(nemo_log("candidate")), cluster="metadata.patient"
    ).evaluation
    assert evaluation.rows == 8
    assert evaluation.clusters == evaluation.frame["cluster"].nunique() < 8
    assert all(cluster.startswith("p") for cluster in evaluation.frame["cluster"])


def test_a_run_without_its_bundle_did_not_finish(nemo_log):
    directory = nemo_log("candidate")
    next(directory.glob("eval-*.json")).unlink()
    (directory / "results.jsonl").rename(directory / "verified_log.jsonl")
    with pytest.raises(EvidenceError, match=r"finished run of NeMo .*which has 8 scored samples"):
        read_log(directory)


def test_missing_answers_are_counted(nemo_log):
    directory = nemo_log("repeats", lambda rows: rows.pop(0))
    with pytest.raises(EvidenceError, match=r"expected 4 answers .* got 3; too few answers to \d"):
        read_log(directory)


def test_results_of_another_run_are_refused(nemo_log):
    theirs = (nemo_log("baseline") / "results.jsonl").read_text()
    directory = nemo_log("candidate")
    (directory / "results.jsonl").write_text(theirs)
    with pytest.raises(EvidenceError, match=r"reports 0\.875 and the mean of its samples is 0\.75"):
        as_evaluation(read_log(directory))


def test_a_cut_off_line_is_refused_with_its_number(nemo_log):
    directory = nemo_log("candidate")
    path = directory / "results.jsonl"
    path.write_text(path.read_text()[:-30])
    with pytest.raises(EvidenceError, match=r"results\.jsonl line 8: expected a whole sample"):
        read_log(directory)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sdk_version": "0.4.0"}, r"0\.3\.x, got one of 0\.4\.0"),
        ({"config": {"shard": {"idx": 1, "total": 4}}}, "got shard 1 of 4"),
    ],
)
def test_unknown_versions_and_shards_are_refused(nemo_log, change, message):
    directory = nemo_log("candidate")
    path = next(directory.glob("eval-*.json"))
    path.write_text(json.dumps(bundle_of(directory) | change))
    with pytest.raises(EvidenceError, match=message):
        read_log(directory)
