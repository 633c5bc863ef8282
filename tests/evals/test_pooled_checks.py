import dataclasses
import json

import numpy as np
import pandas as pd
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig, PooledGuard
from configs.gate_settings import Sequential
from evals.checks import Level
from evals.decision import Decision, Look
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.metric import Metric, Ratio, mean_metric
from evals.pooled_checks import pooled_checks
from evals.stats.pooled import mcnemar_worse, minimum_detectable_drop
from evals.stats.sign_flips import sign_flip_test

ALARM = PooledGuard()
PROMISE = PooledGuard(test="non-inferiority", margin=0.02)


def answers(system, task, scores, *, cluster=None, metrics=None, digest=None):
    """An evaluation on a guard task whose `acc` are these scores."""
    scores = np.asarray(scores, dtype=float)
    rows = len(scores)
    frame = pd.DataFrame(
        {
            "id": [f"{task}-{i}" for i in range(rows)],
            "cluster": [f"{task}-{i}" for i in range(rows)] if cluster is None else cluster,
            "prompt_digest": "sha256:p", "raw_output": "{}", "finish_reason": "stop",
            "input_tokens": 0, "output_tokens": 0, "latency_s": 0.0, "acc": scores,
            "acc_norm": scores,
        }
    )  # fmt: skip
    binary = bool(set(scores.tolist()) <= {0.0, 1.0})
    named = metrics or (mean_metric("acc", binary=binary), mean_metric("acc_norm", binary=binary))
    return Evaluation(system, f"engine of {system}", task, digest or f"sha256:{task}", named, frame)


def changed(rows, lost, gained):
    """Scores of a reference and of a candidate that loses and gains so many."""
    reference = np.ones(rows)
    reference[:gained] = 0
    candidate = np.ones(rows)
    candidate[gained : gained + lost] = 0
    return reference, candidate


@pytest.fixture
def evidence(evaluation_of):
    """Systems that are all right on the main task, and what they answer on guard tasks."""

    def make(guards, extra=()):
        systems = ("awq", "fine-tuned", "base", "baseline", *extra)
        main = {name: evaluation_of(name, tp=np.full(200, 5)) for name in systems}
        digests = {name: f"sha256:{name}" for name in main}
        digests |= {f"{t}/{s}": f"sha256:{t}{s}" for t, by in guards.items() for s in by}
        return Evidence(main, digests, guards)

    return make


def guards_of(**counts):
    """Guard task -> fine-tuned model and awq made of it; counts are rows, lost and gained."""
    made = {}
    for task, (rows, lost, gained) in counts.items():
        reference, candidate = changed(rows, lost, gained)
        made[task] = {
            "fine-tuned": answers("fine-tuned", task, reference),
            "awq": answers("awq", task, candidate),
            "base": answers("base", task, reference),
        }
    return made


def policy(*rules, **more):
    more = {
        "resamples": 1000,
        "comparisons": (Comparison(metric="exact_match", margin=0.05),),
    } | more
    return GateConfig(guards=rules, **more)


def check_of(rule, found, candidate="awq", level=None, **more):
    level = level or Level(0.05, 17)
    [check] = pooled_checks(policy(rule, **more), candidate, found, level)
    return check


def test_counts_of_the_tasks_are_summed_and_tested_exactly(evidence):
    check = check_of(ALARM, evidence(guards_of(a=(100, 3, 1), b=(1400, 9, 8))))
    assert (check.pooled.lost, check.pooled.gained, check.rows, check.clusters) == (
        12,
        9,
        1500,
        1500,
    )
    assert check.p_value == check.pooled.p_drop == mcnemar_worse(12, 9)
    assert check.value == pytest.approx(-3 / 1500)
    assert check.low < check.value < check.high
    assert check.method.startswith("exact pooled McNemar test of 2 guard tasks")
    assert (check.outcome, check.reason, check.reference) == (
        "promote",
        "no-drop-found",
        "unquantized",
    )
    assert [(t.task, t.lost, t.gained, t.rows) for t in check.pooled.tasks] == [
        ("a", 3, 1, 100), ("b", 9, 8, 1400)]  # fmt: skip
    expected = minimum_detectable_drop(1500, 21 / 1500, alpha=0.05)
    assert check.pooled.detectable_drop == pytest.approx(expected)


def test_a_drop_that_no_task_shows_alone_shows_over_all(evidence):
    guards = guards_of(a=(300, 6, 2), b=(300, 6, 2), c=(300, 6, 2))
    found = evidence(guards)
    for task in guards:
        assert check_of(PooledGuard(tasks=(task,)), found).outcome == "promote"
    together = check_of(ALARM, found)
    assert (together.outcome, together.reason) == ("reject", "drop-found")
    assert together.p_value == mcnemar_worse(18, 6) < 0.05


def test_the_order_of_tasks_and_of_rows_changes_nothing(evidence):
    guards = guards_of(a=(100, 3, 1), b=(1400, 29, 8))
    first = check_of(ALARM, evidence(guards))
    shuffled = {
        task: {
            name: dataclasses.replace(e, frame=e.frame.sample(frac=1, random_state=len(name)))
            for name, e in by_system.items()
        }
        for task, by_system in reversed(guards.items())
    }
    second = check_of(ALARM, evidence(shuffled))
    assert second.p_value == first.p_value
    assert second.value == pytest.approx(first.value)


def test_rows_of_one_document_are_flipped_together(evidence):
    reference, candidate = changed(400, 20, 4)
    cluster = [f"passage {i // 4}" for i in range(400)]
    guards = {
        "a": {
            "fine-tuned": answers("fine-tuned", "a", reference, cluster=cluster),
            "awq": answers("awq", "a", candidate, cluster=cluster),
        }
    }
    check = check_of(ALARM, evidence(guards))
    # Passage 0 gains 4, passages 1 to 5 lose 4 each.
    assert check.p_value == pytest.approx(sign_flip_test(np.array([4, *[-4] * 5]), seed=0).p_worse)
    assert check.p_value > 0.05 > mcnemar_worse(20, 4)
    assert (check.clusters, check.rows, check.outcome) == (100, 400, "promote")
    assert "sign-flip" in check.method


def test_a_document_that_two_tasks_ask_about_is_one(evidence):
    reference, candidate = changed(40, 5, 0)
    cluster = [f"note {i}" for i in range(40)]
    guards = {
        task: {
            "fine-tuned": answers("fine-tuned", task, reference, cluster=cluster),
            "awq": answers("awq", task, candidate, cluster=cluster),
        }
        for task in ("a", "b")
    }
    check = check_of(ALARM, evidence(guards))
    assert (check.rows, check.clusters) == (80, 40)
    assert check.p_value == pytest.approx(2**-5)


def test_graded_scores_are_tested_by_sign_flips(evidence):
    reference = np.full(60, 0.5)
    candidate = reference.copy()
    candidate[:6] -= 0.25
    guards = {
        "a": {
            "fine-tuned": answers("fine-tuned", "a", reference),
            "awq": answers("awq", "a", candidate),
        }
    }
    check = check_of(ALARM, evidence(guards))
    assert check.p_value == pytest.approx(2**-6)
    assert check.outcome == "reject"


def test_tasks_may_count_alike_whatever_their_size(evidence):
    # 20 lost of 100, 40 gained of 2,000: more is gained than lost, but one task lost a lot.
    found = evidence(guards_of(a=(100, 20, 0), b=(2000, 0, 40)))
    by_question = check_of(ALARM, found)
    by_task = check_of(PooledGuard(weighting="tasks"), found)
    assert by_question.value == pytest.approx(20 / 2100)
    assert by_question.outcome == "promote"
    assert by_task.value == pytest.approx((-0.2 + 0.02) / 2)
    assert by_task.outcome == "reject"
    assert by_task.pooled.weighting == "tasks"


def test_metrics_are_the_ones_that_count_most_in_each_task_or_the_one_named(evidence):
    guards = guards_of(a=(60, 1, 1), b=(60, 1, 1))
    guards["b"] = {
        name: dataclasses.replace(e, metrics=e.metrics[::-1]) for name, e in guards["b"].items()
    }
    assert check_of(ALARM, evidence(guards)).metric == "acc + acc_norm"
    assert check_of(PooledGuard(metric="acc_norm"), evidence(guards)).metric == "acc_norm"


def test_where_lower_is_better_more_is_a_loss(evidence):
    lower = (mean_metric("acc", binary=True).model_copy(update={"higher_is_better": False}),)
    guards = {
        "a": {
            "fine-tuned": answers("fine-tuned", "a", np.zeros(60), metrics=lower),
            "awq": answers("awq", "a", np.arange(60) < 7, metrics=lower),
        }
    }
    check = check_of(ALARM, evidence(guards))
    assert (check.pooled.lost, check.outcome) == (7, "reject")
    assert check.value == pytest.approx(-7 / 60)


def test_non_inferiority_holds_cannot_be_told_or_fails_by_the_pooled_loss(evidence):
    def outcome(lost, gained):
        found = check_of(PROMISE, evidence(guards_of(a=(500, lost, gained), b=(1000, 10, 10))))
        assert found.threshold == -0.02
        assert (found.p_value <= found.alpha) == (found.outcome == "promote")
        return found.outcome, found.reason

    assert outcome(5, 5) == ("promote", "holds")
    assert outcome(40, 15) == ("inconclusive", "interval-covers-threshold")
    assert outcome(90, 5) == ("reject", "fails")


def test_an_open_promise_says_about_how_many_more_documents_would_settle_it(evidence):
    check = check_of(PROMISE, evidence(guards_of(a=(300, 8, 6))))
    assert check.outcome == "inconclusive"
    # (2.49 x 0.216 / 0.0133)^2 = 1,620 are needed by the normal law, and a few more by the score test.
    assert 1250 < check.further_documents < 1500


def test_a_candidate_is_not_compared_with_itself_nor_with_a_champion_there_is_not(evidence):
    found = evidence(guards_of(a=(100, 1, 1)))
    level = Level(0.05, 17)
    assert list(pooled_checks(policy(ALARM), "fine-tuned", found, level)) == []
    assert list(pooled_checks(policy(PooledGuard(reference="champion")), "awq", found, level)) == []
    base = check_of(PooledGuard(reference="base"), found, candidate="fine-tuned")
    assert base.reference == "base"


def test_an_alarm_keeps_its_own_level_and_a_promise_that_of_the_candidate(evidence):
    found = evidence(guards_of(a=(500, 9, 2)))
    shared = Level(0.05 / 3, 17, 1 / 3)
    assert check_of(ALARM, found, level=shared).alpha == 0.05
    assert check_of(ALARM, found, level=shared).outcome == "reject"
    assert check_of(ALARM.model_copy(update={"alpha": 0.01}), found, level=shared).alpha == 0.01
    assert check_of(PROMISE, found, level=shared).alpha == 0.05 / 3


def test_too_few_documents_decide_nothing(evidence):
    for rule in (ALARM, PROMISE):
        check = check_of(rule, evidence(guards_of(a=(20, 9, 0))))
        assert (check.outcome, check.reason) == ("inconclusive", "too-few-documents")
        assert check.further_documents >= 10


def test_a_system_that_was_not_asked_is_named(evidence):
    guards = guards_of(a=(100, 1, 1), b=(100, 1, 1))
    del guards["b"]["fine-tuned"]
    with pytest.raises(EvidenceError, match="fine-tuned on guard task b"):
        check_of(ALARM, evidence(guards))
    with pytest.raises(EvidenceError, match="awq on guard task c"):
        check_of(PooledGuard(tasks=("c",)), evidence(guards))
    with pytest.raises(EvidenceError, match="expected evaluations on guard tasks"):
        check_of(ALARM, evidence({}))


def test_a_champion_that_was_not_asked_is_named(evidence):
    found = evidence(guards_of(a=(100, 1, 1)), extra=("champion",))
    with pytest.raises(EvidenceError, match="champion on guard task a"):
        check_of(PooledGuard(reference="champion"), found)


def test_other_questions_and_other_metrics_are_refused(evidence):
    guards = guards_of(a=(100, 1, 1))
    other = dict(guards["a"], **{"fine-tuned": answers("fine-tuned", "a", np.ones(90))})
    with pytest.raises(EvidenceError, match="same rows on both sides"):
        check_of(ALARM, evidence({"a": other}))
    other["fine-tuned"] = answers("fine-tuned", "a", np.ones(100), digest="sha256:other")
    with pytest.raises(EvidenceError, match="data_digest"):
        check_of(ALARM, evidence({"a": other}))
    with pytest.raises(EvidenceError, match="expected one of the metrics acc, acc_norm, got 'f1'"):
        check_of(PooledGuard(metric="f1"), evidence(guards))


def test_a_metric_that_is_no_mean_over_questions_is_refused(evidence):
    ratio = Metric(name="acc", ratios=(Ratio(numerator={"acc": 1}, denominator={"acc_norm": 1}),))
    guards = {
        "a": {s: answers(s, "a", np.ones(50), metrics=(ratio,)) for s in ("awq", "fine-tuned")}
    }
    with pytest.raises(EvidenceError, match="expected a mean over questions"):
        check_of(ALARM, evidence(guards))


def decided(found, *rules, **more):
    return decide(policy(*rules, **more), ["awq", "fine-tuned"], found, seed=17)


def test_a_decision_rejects_a_sibling_that_lost_over_two_guard_tasks(evidence):
    guards = guards_of(a=(400, 10, 2), b=(1100, 9, 1))
    decision = decided(evidence(guards), ALARM)
    awq, plain = decision.results
    assert (awq.outcome, plain.outcome, decision.promoted) == ("reject", "promote", "fine-tuned")
    assert awq.p_value == 1.0
    [line] = [reason for reason in decision.reasons if "pooled over" in reason]
    assert line.startswith(
        "awq: pooled over 2 guard tasks: 19 of 1,500 answers lost, 3 gained against unquantized (a 10"
    )
    assert "more is lost than chance explains (one-sided p = 0.0004, alpha 0.05)" in line


def test_a_silent_alarm_promotes_says_what_it_would_have_found_and_costs_no_level(evidence):
    guards = guards_of(a=(400, 3, 2), b=(1100, 9, 7))
    with_rule, without = decided(evidence(guards), ALARM), decided(evidence(guards))
    assert with_rule.promoted == without.promoted == "awq"
    assert with_rule.results[0].p_value == without.results[0].p_value
    assert [r.alpha for r in with_rule.results] == [r.alpha for r in without.results]
    [line] = [reason for reason in with_rule.reasons if "pooled over" in reason]
    assert "no significant drop" in line
    assert "this is no proof" in line
    assert "points would be found with a chance of 80%" in line


def test_an_optional_alarm_blocks_nothing(evidence):
    guards = guards_of(a=(400, 30, 2))
    decision = decided(evidence(guards), PooledGuard(required=False))
    assert decision.promoted == "awq"
    assert decision.results[0].checks[-1].outcome == "reject"


def test_a_sequential_policy_asks_guard_tasks_in_full(evidence):
    found = evidence(guards_of(a=(400, 30, 2)))
    decision = decided(found, ALARM, sequential=Sequential(), correction="bonferroni")
    check = decision.results[0].checks[-1]
    assert (check.kind, check.rows, check.outcome) == ("no-significant-drop", 400, "reject")


def test_a_rule_over_guard_tasks_is_nothing_to_promote_for(evidence):
    """Comparisons whose references are all left out do not become enough by it."""
    only = Comparison(metric="exact_match", margin=0.05, references=("unquantized",))
    found = evidence(guards_of(a=(400, 1, 1)))
    rules = policy(PooledGuard(reference="base"), comparisons=(only,))
    with pytest.raises(EvidenceError, match="at least one reference"):
        decide(rules, ["fine-tuned"], found, seed=17)


def test_decisions_are_read_back_and_those_from_before_still_are(evidence):
    decision = decided(evidence(guards_of(a=(400, 3, 2))), ALARM, PROMISE)
    assert Decision.model_validate_json(decision.canonical_json()) == decision
    old = json.loads(decided(evidence(guards_of(a=(400, 3, 2)))).canonical_json())
    del old["policy"]["guards"]
    for result in old["results"]:
        for check in result["checks"]:
            del check["pooled"]
    read = Decision.model_validate(old)
    assert read.policy.guards == ()
    assert read.results[0].checks[0].pooled is None


def test_an_alarm_is_not_made_blind_by_a_budget_over_looks(evidence):
    found = evidence(guards_of(a=(500, 9, 2)))
    look = Look(number=3, alpha=0.001, budgeted=True)
    decision = decide(policy(ALARM), ["awq"], found, seed=17, look=look)
    assert decision.results[0].checks[-1].alpha == 0.05
    assert decision.outcome == "reject"


def test_a_promise_is_not_given_where_some_documents_weigh_far_more_than_others(evidence):
    cluster = ["long passage"] * 30 + [f"a-{i}" for i in range(370)]
    guards = {
        "a": {s: answers(s, "a", np.ones(400), cluster=cluster) for s in ("fine-tuned", "awq")}
    }
    check = check_of(PROMISE, evidence(guards))
    assert (check.outcome, check.reason, check.p_value) == ("inconclusive", "too-uneven", 1.0)
    # An alarm needs no document to be like another.
    assert check_of(ALARM, evidence(guards)).outcome == "promote"
    # Small tasks that count as much as large ones weigh more by the document, which bounds allow for:
    # 100 documents that hold half of the weight cannot show two points, 600 can.
    by_task = PROMISE.model_copy(update={"weighting": "tasks"})
    few, many = (evidence(guards_of(a=(n, 0, 0), b=(900, 0, 0))) for n in (60, 600))
    assert check_of(by_task, few).reason == "too-uneven"
    assert check_of(by_task, many).outcome == "promote"
    assert check_of(PROMISE, many).outcome == "promote"
