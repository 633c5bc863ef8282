import dataclasses
import json

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from configs.gate_settings import StabilityRule
from evals.decision import Decision
from evals.evidence import Evidence
from evals.gate import decide
from evals.report.verdict import verdict

DOCUMENTS = 200
ASKED_AGAIN = 100


def policy(**rule):
    return GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),),
        resamples=1000,
        stability=StabilityRule(**rule),
    )


@pytest.fixture
def asked(evaluation_of):
    """Decide about a candidate as good as the baseline, of whose answers some changed the second time,
    each losing items."""

    def make(rule, changed=0, lost=0, again=True):
        rng = np.random.default_rng(3)
        tp = np.where(rng.random(DOCUMENTS) < 0.1, 2, 5)
        systems = {name: evaluation_of(name, tp=tp, fn=5 - tp) for name in ("awq", "baseline")}
        drawn = systems["awq"].frame.iloc[:ASKED_AGAIN].copy()
        drawn.loc[: changed - 1, "raw_output"] = '{"changed": true}'
        drawn.loc[: changed - 1, "tp"] -= lost
        drawn.loc[: changed - 1, "fn"] += lost
        second = dataclasses.replace(systems["awq"], frame=drawn[::-1].reset_index(drop=True))
        evidence = Evidence(
            systems, dict.fromkeys(systems, "sha256:x"), {}, {"awq": second} if again else {}
        )
        return decide(rule, ["awq"], evidence, seed=17)

    return make


def stability_checks(decision):
    return [check for check in decision.results[0].checks if check.kind == "stability"]


def test_a_candidate_whose_answers_stay_is_promoted(asked):
    decision = asked(policy(max_changed_answers=0.05))
    assert (decision.outcome, decision.promoted) == ("promote", "awq")
    [check] = stability_checks(decision)
    assert (check.value, check.rows, check.reason) == (0.0, ASKED_AGAIN, "holds")
    assert check.high == pytest.approx(1 - 0.05 ** (1 / ASKED_AGAIN))
    assert check.p_value == pytest.approx(0.95**ASKED_AGAIN)
    assert "59 rows" in check.method
    [sentence] = [r for r in decision.reasons if "changed_answers" in r]
    assert "holds at maximum 0.05" in sentence


def test_a_candidate_whose_answers_change_too_often_is_rejected(asked):
    decision = asked(policy(max_changed_answers=0.05), changed=20)
    [check] = stability_checks(decision)
    assert (decision.outcome, check.outcome, check.value) == ("reject", "reject", 0.2)
    assert check.low > 0.05 and check.p_value > 0.95
    assert (
        "for answers that change when asked again it reaches 20 of 100, and needs at most 5 of 100"
        in verdict(decision, "clinical-notes")
    )


def test_too_few_rows_to_tell_ask_for_more_rows_and_not_for_more_documents(asked):
    decision = asked(policy(max_changed_answers=0.05), changed=4)
    [check] = stability_checks(decision)
    assert (decision.outcome, check.reason) == ("inconclusive", "interval-covers-threshold")
    assert decision.further_documents is None
    told = verdict(decision, "clinical-notes")
    assert "asking more of its rows again (evaluation.stability.rows) would probably settle" in told
    assert "more documents" not in told


def test_bounds_and_p_value_agree_at_every_count(asked):
    for changed in range(0, 21, 2):
        [check] = stability_checks(asked(policy(max_changed_answers=0.1), changed=changed))
        assert (check.high < 0.1) == (check.p_value < 0.05)


def test_a_rule_without_second_answers_is_undecided_and_says_why(asked):
    decision = asked(policy(max_changed_answers=0.05, max_moved=0.02), again=False)
    checks = stability_checks(decision)
    assert decision.outcome == "inconclusive"
    assert {(c.reason, c.rows, c.low, c.high) for c in checks} == {("not-asked-again", 0, 0.0, 1.0)}
    [first, second] = [r for r in decision.reasons if "no row was asked again" in r]
    assert "changed_answers" in first and "moved.micro_f1" in second
    assert "because no row was asked again" in verdict(decision, "clinical-notes")


def test_a_rule_that_is_not_required_blocks_nothing(asked):
    decision = asked(policy(max_changed_answers=0.05, required=False), again=False)
    assert decision.outcome == "promote"
    assert any("no row was asked again" in r and "(not required)" in r for r in decision.reasons)


@pytest.mark.parametrize(
    ("maximum", "changed", "lost", "outcome"),
    [(0.1, 3, 0, "promote"), (0.05, 60, 2, "reject"), (0.05, 25, 2, "inconclusive")],
)
def test_how_far_the_metric_moved_is_bounded(asked, maximum, changed, lost, outcome):
    decision = asked(policy(max_moved=maximum), changed=changed, lost=lost)
    [check] = stability_checks(decision)
    assert (check.metric, check.outcome) == ("moved.micro_f1", outcome)
    assert 0 <= check.low <= check.value <= check.high
    assert decision.outcome == outcome


def test_a_moved_metric_of_too_few_documents_is_undecided(asked):
    strict = policy(max_moved=0.1).model_copy(update={"min_clusters": ASKED_AGAIN + 1})
    [check] = stability_checks(asked(strict))
    assert (check.outcome, check.reason) == ("inconclusive", "too-few-documents")


def test_a_metric_that_is_not_measured_is_refused(asked):
    with pytest.raises(EvidenceError, match="expected one of the metrics"):
        asked(policy(max_moved=0.1, metric="rouge"))


def test_decisions_without_the_rule_still_read_and_those_with_it_read_back(asked):
    decision = asked(policy(max_changed_answers=0.05))
    assert Decision.model_validate_json(decision.canonical_json()) == decision
    old = json.loads(decision.canonical_json())
    del old["policy"]["stability"]
    old["results"][0]["checks"] = [
        c for c in old["results"][0]["checks"] if c["kind"] != "stability"
    ]
    assert Decision.model_validate(old).policy.stability is None
