"""What makes two logs pair, and what keeps them apart."""

import dataclasses
import random
from pathlib import Path

import pytest

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.evaluation import read_evaluation, write_evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.logs.as_evaluation import as_evaluation, text_digest
from evals.logs.find import read_log
from evals.logs.tool_log import LoggedMetric, LoggedSample, ToolLog

HIT = (LoggedMetric("hit"),)
POLICY = GateConfig.model_validate(
    {"comparisons": [{"metric": "match", "margin": 0.4, "references": ["baseline"]}], "min_clusters": 2}
)  # fmt: skip


def sample(name, text, score, **facts):
    return LoggedSample(
        log_id=name, repeat=facts.pop("repeat", 0), input_text=text, content=[text, "yes"],
        prompt=text, raw_output="yes", scores={"hit": score}, fields={"doc": {"page": f"p-{text[0]}"}},
        **facts,
    )  # fmt: skip


def log_of(*samples, metrics=HIT):
    return ToolLog("a tool", "1", "a model", "a task", Path("log.json"), metrics, samples)


def decided(candidate, baseline, tmp_path):
    for name, evaluation in {"candidate": candidate, "baseline": baseline}.items():
        write_evaluation(evaluation, tmp_path / name)
    systems = {n: read_evaluation(tmp_path / n, n) for n in ("candidate", "baseline")}
    evidence = Evidence(evaluations=systems, digests=dict.fromkeys(systems, "sha256:0"))
    return decide(POLICY, ["candidate"], evidence, seed=1)


def test_two_logs_of_one_tool_in_its_two_formats_are_compared(inspect_log, tmp_path):
    candidate = as_evaluation(read_log(inspect_log("candidate"))).evaluation
    baseline = as_evaluation(read_log(inspect_log("baseline"))).evaluation
    assert candidate.data_digest == baseline.data_digest
    (check,) = decided(candidate, baseline, tmp_path).results[0].checks
    assert check.value == pytest.approx(7 / 8 - 6 / 8)
    assert check.rows == 8


def test_logs_of_other_samples_do_not_pair(inspect_log, tmp_path):
    def reword(log):
        log["samples"][4]["input"] += " Today?"

    candidate = as_evaluation(read_log(inspect_log("candidate"))).evaluation
    other = as_evaluation(read_log(inspect_log("baseline", reword))).evaluation
    assert candidate.data_digest != other.data_digest
    with pytest.raises(EvidenceError):
        decided(candidate, other, tmp_path)


def test_other_targets_are_other_data(inspect_log):
    def correct(log):
        log["samples"][4]["target"] = "something else"

    log = read_log(inspect_log("baseline"))
    other = read_log(inspect_log("baseline", correct))
    assert as_evaluation(log).evaluation.data_digest != as_evaluation(other).evaluation.data_digest


def test_order_and_ids_of_the_tool_do_not_matter():
    samples = [sample(str(n), f"{n} text", n % 2) for n in range(9)]
    shuffled = list(samples)
    random.Random(5).shuffle(shuffled)
    renamed = [dataclasses.replace(s, log_id=f"x{n}") for n, s in enumerate(shuffled)]
    ours, theirs = as_evaluation(log_of(*samples)), as_evaluation(log_of(*renamed))
    assert ours.evaluation.data_digest == theirs.evaluation.data_digest
    columns = ["id", "cluster", "hit", "text_digest"]
    assert ours.evaluation.frame[columns].equals(theirs.evaluation.frame[columns])


def test_samples_with_the_same_text_are_one_document_unless_a_field_names_it():
    samples = [sample("a", "one", 1), sample("b", "one ", 0), sample("c", "other", 1)]
    assert as_evaluation(log_of(*samples)).evaluation.clusters == 2
    by_page = as_evaluation(log_of(*samples), cluster="doc.page").evaluation
    assert set(by_page.frame["cluster"]) == {"p-o"}


@pytest.mark.parametrize(
    ("path", "message"),
    [("doc.side", "got only page"), ("page", "got only doc"), ("doc", "text or a whole number")],
)
def test_a_field_that_names_no_document_is_refused(path, message):
    with pytest.raises(EvidenceError, match=message):
        as_evaluation(log_of(sample("a", "one", 1)), cluster=path)


def test_repeats_of_one_sample_pair_by_their_number():
    def twice(order):
        return log_of(*(sample("a", "one", n, repeat=n) for n in order), sample("b", "two", 1))

    ours = as_evaluation(twice((0, 1))).evaluation.frame
    theirs = as_evaluation(twice((1, 0))).evaluation.frame
    assert ours[["id", "hit"]].equals(theirs[["id", "hit"]])
    assert ours["cluster"].nunique() == 2


def test_a_sample_that_failed_is_as_bad_as_can_be():
    metrics = (LoggedMetric("hit"), LoggedMetric("loss", higher_is_better=False))
    failed = dataclasses.replace(
        sample("a", "one", 1, problem="error"), scores={"hit": 1, "loss": 0}
    )
    fine = dataclasses.replace(sample("b", "two", 1), scores={"hit": 1, "loss": 0.25})
    evaluation = as_evaluation(
        log_of(failed, fine, metrics=metrics), errors_as_wrong=True
    ).evaluation
    row = evaluation.frame.set_index("log_id").loc["a"]
    assert (row["hit"], row["loss"]) == (0, 1)
    assert [m.higher_is_better for m in evaluation.metrics] == [True, False]


def test_a_metric_named_like_a_column_has_a_column_of_its_own():
    metrics = (LoggedMetric("id"),)
    samples = [dataclasses.replace(sample("a", "one", 1), scores={"id": 0.5})]
    evaluation = as_evaluation(log_of(*samples, metrics=metrics)).evaluation
    assert evaluation.frame[evaluation.metric("id").columns[0]].tolist() == [0.5]


def test_an_unknown_metric_is_refused_with_those_there_are():
    with pytest.raises(EvidenceError, match="expected as metric hit, got miss: the log has none"):
        as_evaluation(log_of(sample("a", "one", 1)), metrics=("miss",))


def test_a_log_without_samples_is_refused():
    with pytest.raises(EvidenceError, match="got a log without any"):
        as_evaluation(log_of())


def test_text_digest_knows_a_text_by_its_characters_and_words():
    assert text_digest("ﬁve\u00a0 words\n") == text_digest("five words")
    assert text_digest("five words") != text_digest("Five words")
    assert len(text_digest("x")) == 64
