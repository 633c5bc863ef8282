import pytest

from configs.judge import load_rubric
from evals.judge.columns import columns_of, in_role, judge_metrics
from evals.judge.judge import Scored

SUMMARY = load_rubric("summary-faithfulness")
SCORED = [Scored({"faithfulness": 4, "coverage": 1}, ""), Scored(None, "expected JSON")]


def test_scores_are_mapped_to_the_unit_interval_with_their_mean():
    assert columns_of(SUMMARY, SCORED)[0] == {
        "judge": 0.625, "judge.faithfulness": 1.0, "judge.coverage": 0.25,
        "judge.unreadable": False,
    }  # fmt: skip


@pytest.mark.parametrize(("role", "score"), [("candidate", 0.0), ("reference", 1.0)])
def test_an_unreadable_judgement_is_what_is_worst_for_the_candidate(role, score):
    unreadable = columns_of(SUMMARY, SCORED, role)[1]
    assert unreadable.pop("judge.unreadable") is True
    assert set(unreadable.values()) == {score}


def test_metrics_are_the_mean_the_criteria_and_what_was_unreadable():
    metrics = judge_metrics(SUMMARY)
    names = ["judge", "judge.faithfulness", "judge.coverage", "judge.unreadable"]
    assert [metric.name for metric in metrics] == names
    assert {column for metric in metrics for column in metric.columns} == set(
        columns_of(SUMMARY, SCORED)[0]
    )
    assert [metric.binary for metric in metrics] == [False, False, False, True]
    assert not metrics[-1].higher_is_better


def test_a_single_pass_or_fail_is_binary():
    assert all(metric.binary for metric in judge_metrics(load_rubric("answer-correctness")))


def test_an_evaluation_can_be_turned_for_either_role(judged_evaluation_of):
    evaluation = judged_evaluation_of("a", [0.5, 0.0], unreadable=[False, True])
    turned = in_role(evaluation, "reference")
    assert turned.frame["judge"].tolist() == turned.frame["judge.quality"].tolist() == [0.5, 1.0]
    assert in_role(turned, "candidate").frame.equals(evaluation.frame)
    assert evaluation.frame["judge"].tolist() == [0.5, 0.0]
