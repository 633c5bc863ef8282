"""Judged metrics in the gate: people's labels decide, however the judge is biased."""

import dataclasses

import numpy as np
import pytest

from configs.gate_policy import Comparison, Floor, GateConfig
from evals.evidence import Evidence
from evals.gate import decide
from evals.metric import mean_metric
from evals.rectified_checks import (
    JUDGE_ALONE,
    difference_rectified_by_people,
    is_judged,
    mean_rectified_by_people,
)

ROWS = 400


@pytest.fixture
def judged_pair(evaluation_of):
    """Two systems that people score alike, while the judge flatters the candidate by 0.2."""

    def make(labelled=100, flattery=0.2, seed=5):
        rng = np.random.default_rng(seed)
        quality = rng.uniform(0.3, 0.7, ROWS)
        known = rng.permutation(ROWS) < labelled
        pair = []
        for system, gift in (("candidate", flattery), ("baseline", 0.0)):
            people = np.clip(quality + rng.normal(0, 0.05, ROWS), 0, 1)
            evaluation = evaluation_of(system, tp=np.ones(ROWS))
            evaluation.frame["judge"] = np.clip(people + gift + rng.normal(0, 0.02, ROWS), 0, 1)
            evaluation.frame["people"] = np.where(known, people, np.nan)
            metrics = (*evaluation.metrics, mean_metric("judge"))
            pair.append(dataclasses.replace(evaluation, metrics=metrics))
        return pair

    return make


def test_labels_take_a_judges_bias_out_of_the_difference(judged_pair):
    candidate, baseline = judged_pair()
    found = difference_rectified_by_people(candidate, baseline, "judge", 0.05)
    assert found.low < 0 < found.high < 0.05
    assert "100 answers of 100 documents scored by people" in found.method
    assert found.p_worse_than(0.05) < 0.001


def test_rows_in_another_order_give_the_same_difference(judged_pair):
    candidate, baseline = judged_pair()
    turned = dataclasses.replace(baseline, frame=baseline.frame[::-1].reset_index(drop=True))
    found = [
        difference_rectified_by_people(candidate, b, "judge", 0.05) for b in (baseline, turned)
    ]
    assert found[0].low == pytest.approx(found[1].low)


def test_p_value_is_the_level_at_which_the_bound_meets_the_margin(judged_pair):
    candidate, baseline = judged_pair(labelled=40)
    p_value = difference_rectified_by_people(candidate, baseline, "judge", 0.05).p_worse_than(0.01)
    at_p = difference_rectified_by_people(candidate, baseline, "judge", p_value)
    assert at_p.low == pytest.approx(-0.01, abs=1e-9)


def test_too_few_labels_leave_the_judge_alone_and_the_decision_says_so(judged_pair):
    candidate, baseline = judged_pair(labelled=29)
    assert difference_rectified_by_people(candidate, baseline, "judge", 0.05) is None
    assert mean_rectified_by_people(candidate, "judge", 0.05) is None
    assert checks_of(candidate, baseline)[0].method.startswith(JUDGE_ALONE)


def test_a_candidate_that_only_the_judge_likes_is_rejected(judged_pair):
    candidate, baseline = judged_pair(labelled=200, flattery=0.25)
    candidate.frame["people"] -= 0.15
    comparison, floor = checks_of(candidate, baseline)
    assert comparison.outcome == "reject"
    assert floor.value == pytest.approx(0.35, abs=0.05)
    assert "scored by people" in floor.method


def checks_of(candidate, baseline):
    policy = GateConfig(
        comparisons=(Comparison(metric="judge", margin=0.05, references=("baseline",)),),
        floors=(Floor(metric="judge", minimum=0.2),),
        resamples=1000,
    )
    evidence = Evidence(
        {"awq": candidate, "baseline": baseline}, {"awq": "sha256:a", "baseline": "sha256:b"}
    )
    return decide(policy, ["awq"], evidence, seed=1).results[0].checks


def test_only_a_judges_opinions_are_rectified():
    assert [is_judged(name) for name in ("judge", "judge.x", "judge.unreadable", "micro_f1")] == [
        True, True, False, False]  # fmt: skip
