import json

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import AlphaBudget
from evals.decision import Decision, Look
from evals.evidence import Evidence
from evals.gate import decide

POLICY = GateConfig(
    alpha=0.05,
    comparisons=(Comparison(metric="micro_f1", margin=0.05),),
    floors=(Floor(metric="valid_json", minimum=0.95),),
    resamples=1000,
)
DOCUMENTS = 200


@pytest.fixture
def system(evaluation_of):
    """An evaluation in which a share of documents misses 3 of its 5 gold items."""

    def make(name, missing_share=0.0, documents=DOCUMENTS, invalid=0):
        rng = np.random.default_rng(len(name))
        missed = np.where(rng.random(documents) < missing_share, 3, 0)
        valid = np.arange(documents) >= invalid
        return evaluation_of(name, tp=5 - missed, fn=missed, valid=valid)

    return make


def gate(candidates, references, policy=POLICY, seed=17):
    named = {**candidates, **references}
    evidence = Evidence(named, {name: f"sha256:{i}" for i, name in enumerate(named)})
    return decide(policy, list(candidates), evidence, seed=seed)


def test_a_candidate_as_good_as_the_baseline_is_promoted(system):
    decision = gate({"awq": system("awq", 0.1)}, {"baseline": system("baseline", 0.1)})
    assert (decision.outcome, decision.promoted) == ("promote", "awq")
    [comparison, floor] = decision.results[0].checks
    assert comparison.threshold == -0.05
    assert comparison.low > -0.05
    assert (comparison.rows, comparison.clusters) == (DOCUMENTS, DOCUMENTS)
    assert floor.low > 0.95


def test_a_candidate_clearly_worse_than_the_margin_is_rejected(system):
    decision = gate({"awq": system("awq", 0.6)}, {"baseline": system("baseline")})
    assert (decision.outcome, decision.promoted) == ("reject", None)
    assert decision.results[0].checks[0].high < -0.05
    assert decision.reasons[0] == "No candidate passed every check, so nothing is promoted."


def test_an_interval_that_spans_the_margin_is_inconclusive_and_says_what_would_settle_it(system):
    decision = gate({"awq": system("awq", 0.15)}, {"baseline": system("baseline")})
    check = decision.results[0].checks[0]
    assert decision.outcome == "inconclusive"
    assert check.low < -0.05 < check.high
    assert check.further_documents > 0
    assert f"about {check.further_documents} more documents" in " ".join(decision.reasons)


def test_the_first_candidate_that_passes_is_promoted_even_if_a_later_one_scores_higher(system):
    decision = gate(
        {"bad": system("bad", 0.6), "good": system("good", 0.05), "better": system("better")},
        {"baseline": system("baseline", 0.05)},
    )
    assert decision.promoted == "good"
    assert [r.outcome for r in decision.results] == ["reject", "promote", "promote"]


def test_one_undecided_candidate_keeps_the_gate_open(system):
    decision = gate(
        {"bad": system("bad", 0.6), "unclear": system("unclear", 0.13)},
        {"baseline": system("baseline")},
    )
    assert decision.outcome == "inconclusive"


def test_the_champion_counts_as_much_as_the_baseline(system):
    candidate = {"awq": system("awq", 0.6)}
    baseline = system("baseline", 0.6)
    assert gate(candidate, {"baseline": baseline}).outcome == "promote"
    with_champion = gate(candidate, {"baseline": baseline, "champion": system("champion")})
    assert with_champion.outcome == "reject"
    assert {check.reference for check in with_champion.results[0].checks} == {
        "baseline", "champion", None}  # fmt: skip


def test_a_floor_must_hold_whatever_the_baseline_does(system):
    decision = gate(
        {"awq": system("awq", invalid=40)}, {"baseline": system("baseline", invalid=40)}
    )
    assert decision.outcome == "reject"
    assert decision.results[0].checks[1].kind == "floor"
    assert decision.results[0].checks[1].outcome == "reject"


def test_a_floor_is_held_by_its_lower_bound_not_by_its_value(system):
    # 194 of 200 is 0.97 >= 0.95, but 0.95 is not excluded.
    decision = gate({"awq": system("awq", invalid=6)}, {"baseline": system("baseline")})
    assert decision.results[0].checks[1].value == 0.97
    assert decision.outcome == "inconclusive"


def test_too_few_documents_are_inconclusive_whatever_the_scores(system):
    for missing in (0.0, 1.0):
        decision = gate(
            {"awq": system("awq", missing, documents=29)},
            {"baseline": system("baseline", documents=29)},
        )
        assert decision.outcome == "inconclusive"
        assert all(check.further_documents >= 1 for check in decision.results[0].checks)
        assert "cannot be told from fewer than 30 documents" in decision.reasons[1]


def test_alpha_is_kept_over_the_candidates_and_the_decision_says_so(system):
    candidates = {name: system(name) for name in ("awq", "fp8-dynamic", "fine-tuned")}
    bonferroni = POLICY.model_copy(update={"correction": "bonferroni"})
    decision = gate(candidates, {"baseline": system("baseline")}, bonferroni)
    assert {c.alpha for r in decision.results for c in r.checks} == {0.05 / 3}
    assert "alpha 0.05 is kept over all of them (Bonferroni)" in decision.reasons[-2]


def test_holm_tests_the_clearest_candidate_hardest_and_the_others_more_gently(system):
    candidates = {"worse": system("worse", 0.09), "clear": system("clear")}
    decision = gate(candidates, {"baseline": system("baseline", 0.05)})
    levels = {result.candidate: result.alpha for result in decision.results}
    assert levels == {"clear": 0.025, "worse": 0.05}


def test_holm_never_tests_harder_than_bonferroni(system):
    candidates = {name: system(name, share) for name, share in (("a", 0.6), ("b", 0.5))}
    decision = gate(candidates, {"baseline": system("baseline")})
    assert {result.alpha for result in decision.results} == {0.025}


def test_a_look_spends_only_its_share_of_alpha(system):
    candidates, references = {"awq": system("awq")}, {"baseline": system("baseline")}
    evidence = Evidence({**candidates, **references}, {"awq": "a", "baseline": "b"})
    look = Look(number=3, alpha=0.05 / 12, budgeted=True)
    decision = decide(POLICY, ["awq"], evidence, seed=1, look=look)
    assert {check.alpha for check in decision.results[0].checks} == {0.05 / 12}
    assert "Look 3 on this test set spends 0.004167 of its alpha of 0.05" in decision.reasons[-1]


def test_looks_without_a_budget_are_counted_aloud(system):
    candidates, references = {"awq": system("awq")}, {"baseline": system("baseline")}
    evidence = Evidence({**candidates, **references}, {"awq": "a", "baseline": "b"})
    look = Look(number=4, alpha=0.05, budgeted=False)
    decision = decide(POLICY, ["awq"], evidence, seed=1, look=look)
    assert "over all of them it may be as large as 0.2" in decision.reasons[-1]


def test_the_same_evidence_gives_the_same_bytes_and_other_evidence_another_digest(system):
    candidates, references = {"awq": system("awq", 0.1)}, {"baseline": system("baseline", 0.1)}
    decision = gate(candidates, references)
    assert gate(candidates, references).canonical_json() == decision.canonical_json()
    changed = decision.model_copy(update={"evidence": {**decision.evidence, "awq": "sha256:x"}})
    assert changed.digest != decision.digest
    assert decision.digest.startswith("sha256:")


def test_a_decision_survives_its_file(system):
    decision = gate(
        {"awq": system("awq", documents=3)}, {"baseline": system("baseline", documents=3)}
    )
    back = Decision.model_validate_json(decision.canonical_json())
    assert back == decision
    assert back.digest == decision.digest
    assert json.loads(decision.canonical_json())["schema_version"] == 2


def test_nothing_to_compare_is_an_error_not_a_score(system):
    with pytest.raises(EvidenceError, match="at least one candidate, got none"):
        gate({}, {"baseline": system("baseline")})
    with pytest.raises(EvidenceError, match="baseline on the lifecycle's task: expected an eval"):
        gate({"awq": system("awq")}, {})
    champion_only = POLICY.model_copy(
        update={
            "comparisons": (Comparison(metric="micro_f1", margin=0.1, references=("champion",)),)
        }
    )
    with pytest.raises(EvidenceError, match="at least one reference to compare it with"):
        gate({"awq": system("awq")}, {"baseline": system("baseline")}, champion_only)


def test_an_evaluation_without_a_digest_is_no_evidence(system):
    with pytest.raises(EvidenceError, match=r"got none of \['baseline'\]"):
        Evidence({"awq": system("awq"), "baseline": system("baseline")}, {"awq": "sha256:1"})


def test_evaluations_of_different_rows_are_refused(system):
    with pytest.raises(EvidenceError, match="awq and baseline: expected the same rows"):
        gate({"awq": system("awq", documents=199)}, {"baseline": system("baseline")})


def test_a_decision_that_claims_no_look_says_so(system):
    decision = gate({"awq": system("awq")}, {"baseline": system("baseline")})
    assert not decision.look.counted
    assert decision.reasons[-1] == "Uncounted: no look was claimed; at one-sided alpha 0.05."


def test_a_decision_outside_the_alpha_budget_says_so_in_its_first_line(system):
    policy = POLICY.model_copy(update={"alpha_budget": AlphaBudget()})
    reasons = gate({"awq": system("awq")}, {"baseline": system("baseline")}, policy).reasons
    assert reasons[0].startswith("Uncounted: this decision claims no look, so the policy's alpha")
    assert sum("ncounted" in reason for reason in reasons) == 1


def test_a_decision_of_an_earlier_version_can_be_read(system):
    decision = gate({"awq": system("awq")}, {"baseline": system("baseline")})
    stored = json.loads(decision.canonical_json())
    stored["look"] = {"number": 2, "alpha": 0.05, "budgeted": False}
    look = Decision.model_validate(stored).look
    assert (look.counted, look.policy_recorded, look.earlier) == (True, "unknown", ())
