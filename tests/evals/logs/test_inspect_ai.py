"""Logs of inspect_ai, as it wrote them and as they may be damaged."""

import json
import zipfile

import pytest

from configs.errors import EvidenceError
from evals.logs.as_evaluation import as_evaluation
from evals.logs.find import read_log
from evals.stats.totals import metric_value

ZSTANDARD = 93


def scores(evaluation):
    return {m.name: metric_value(evaluation.frame, m) for m in evaluation.metrics}


def test_scores_of_an_eval_file_equal_those_that_inspect_printed(inspect_log):
    path = inspect_log("candidate")
    assert {i.compress_type for i in zipfile.ZipFile(path).infolist()} == {ZSTANDARD}
    log = read_log(path)
    found = scores(as_evaluation(log).evaluation)
    assert found == pytest.approx({m.name: m.printed for m in log.metrics}, abs=1e-12)
    assert found["match"] == pytest.approx(7 / 8)
    assert list(found) == ["match", "parts.hit", "parts.short"]


def test_scores_of_a_json_log_equal_those_that_inspect_printed(inspect_log):
    path = inspect_log("baseline")
    found = scores(as_evaluation(read_log(path)).evaluation)
    printed = json.loads(path.read_text())["results"]["scores"]
    assert found["match"] == printed[0]["metrics"]["accuracy"]["value"] == 0.75
    assert found["parts.hit"] == printed[1]["metrics"]["mean"]["value"]
    assert found["parts.short"] == printed[2]["metrics"]["accuracy"]["value"]


def test_answers_tokens_and_ends_are_those_of_the_log(inspect_log):
    evaluation = as_evaluation(read_log(inspect_log("candidate"))).evaluation
    rows = evaluation.frame.set_index("log_id")
    assert rows.loc["note-reading-23-002", "raw_output"] == "I do not know"
    assert rows.loc["note-reading-23-003", "finish_reason"] == "length"
    assert rows.loc["note-reading-23-001", "finish_reason"] == "stop"
    assert rows.loc["note-reading-23-003", ["input_tokens", "output_tokens"]].tolist() == [43, 3]
    assert (evaluation.frame["latency_s"] > 0).all()


def test_epochs_are_rows_of_one_document(inspect_log):
    log = read_log(inspect_log("epochs"))
    evaluation = as_evaluation(log).evaluation
    assert (evaluation.rows, evaluation.clusters) == (4, 2)
    assert evaluation.frame["id"].is_unique
    assert sorted(row.rpartition(".")[2] for row in evaluation.frame["id"]) == ["1", "1", "2", "2"]
    assert scores(evaluation)["match"] == log.metrics[0].printed == 0.5


def test_a_grade_from_1_to_10_is_named_and_left_out(inspect_log):
    imported = as_evaluation(read_log(inspect_log("graded")))
    assert [m.name for m in imported.evaluation.metrics] == ["match"]
    assert "leave [0, 1], such as 9" in imported.left_out["grade"]
    with pytest.raises(EvidenceError, match=r"got grade: its values leave \[0, 1\]"):
        as_evaluation(imported.log, metrics=("grade",))


def test_halted_samples_are_refused_by_name_or_scored_wrong(inspect_log):
    log = read_log(inspect_log("limited"))
    with pytest.raises(
        EvidenceError, match=r"of 2: note-reading-23-000 \(halted by its token limit"
    ):
        as_evaluation(log)
    imported = as_evaluation(log, errors_as_wrong=True)
    assert scores(imported.evaluation)["match"] == 0
    assert len(imported.scored_wrong) == 2


def test_a_run_that_was_killed_says_what_is_missing(inspect_log):
    with pytest.raises(EvidenceError, match=r"'started' with 3 of 6 samples; missing are .*-003, "):
        read_log(inspect_log("killed"))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda log: log.update(version=3), "format version 2, got version 3"),
        (lambda log: log["samples"].pop(), "with 7 of 8 samples; missing are note-reading-23-007"),
        (lambda log: log.pop("samples"), "got a log without them"),
        (lambda log: log.update(invalidated=True), "were invalidated"),
        (lambda log: log.update(status="cancelled"), "got status 'cancelled'"),
        (lambda log: log["samples"][2].pop("input"), "sample note-reading-23-002: expected a sample"),
    ],
)  # fmt: skip
def test_a_log_that_is_not_whole_is_refused(inspect_log, damage, message):
    with pytest.raises(EvidenceError, match=message):
        read_log(inspect_log("baseline", damage))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda s: s[3].update(id=s[2]["id"]), "several of note-reading-23-002"),
        (lambda s: s[1]["scores"]["match"].update(value=float("nan")), "no score of match"),
        (lambda s: s[1].update(scores={}), "note-reading-23-001 .no score of match"),
        (lambda s: s[1].update(error={"message": "broke off"}), "-001 .error: broke off"),
    ],
)
def test_samples_without_a_score_that_counts_are_refused(inspect_log, damage, message):
    log = read_log(inspect_log("baseline", lambda log: damage(log["samples"])))
    with pytest.raises(EvidenceError, match=message):
        as_evaluation(log)


def test_a_metric_that_is_no_mean_of_samples_is_left_out(inspect_log):
    def weigh(log):
        log["results"]["scores"][0]["metrics"]["accuracy"]["value"] = 0.8

    imported = as_evaluation(read_log(inspect_log("baseline", weigh)))
    assert "reports 0.8 and the mean of its samples is 0.75" in imported.left_out["match"]


@pytest.mark.parametrize(
    ("logged", "number"),
    [("C", 1), ("I", 0), ("P", 0.5), ("N", 0), ("yes", 1), ("No", 0), ("TRUE", 1), (True, 1), ("0.25", 0.25)],
)  # fmt: skip
def test_scores_in_words_are_mapped_as_inspect_does(inspect_log, logged, number):
    def say(log):
        log["samples"][0]["scores"]["match"]["value"] = logged
        log["results"]["scores"][0]["metrics"] = {}

    frame = as_evaluation(read_log(inspect_log("baseline", say))).evaluation.frame
    assert frame.set_index("log_id").loc["note-reading-23-000", "match"] == number


def test_score_in_other_words_is_left_out(inspect_log):
    def say(log):
        log["samples"][0]["scores"]["match"]["value"] = "excellent"

    imported = as_evaluation(read_log(inspect_log("baseline", say)))
    assert "'excellent' of note-reading-23-000" in imported.left_out["match"]


def test_a_truncated_eval_file_is_refused(inspect_log):
    path = inspect_log("candidate")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(EvidenceError, match=r"candidate\.eval: expected a whole \.eval file"):
        read_log(path)
