import json

import numpy as np
import pandas as pd
import pytest

from configs.critical_labels import CriticalLabel
from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from evals.checks import Level
from evals.critical_checks import NO_BOUND, check_critical
from evals.decision import Decision
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.metric import count_metrics

DOCUMENTS = 300
LEVEL = Level(0.05, 17)
ALLERGIES = CriticalLabel(field="allergies", margin=0.1, references=("baseline",))


def policy_of(*rules, **changes):
    return GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.1),),
        critical=rules, resamples=1000, **changes,
    )  # fmt: skip


def system_of(name, missed=0, carriers=120, *, claimed=0, values=None, label="allergies"):
    """A system that is right on all but `label`: the first `carriers` documents hold one such item
    each, of which the last `missed` are not found; the next `claimed` documents get a false one."""
    number = np.arange(DOCUMENTS)
    gold = number < carriers
    lost = gold & (number >= carriers - missed)
    false = (number >= carriers) & (number < carriers + claimed)
    counts = {"tp": gold & ~lost, "fp": false, "fn": lost}
    frame = pd.DataFrame({"id": [f"r{n}" for n in number], "cluster": [f"d{n}" for n in number]})
    for count, values_of_label in counts.items():
        frame[f"{count}.{label}"] = values_of_label.astype(int)
        frame[count] = frame[f"{count}.{label}"] + (3 if count == "tp" else 0)
    if values is not None:
        frame["slice.unseen_drug"] = values
    metrics = (*count_metrics(), *count_metrics(f".{label}"))
    return Evaluation(name, "engine", "clinical-notes", "sha256:data", metrics, frame)


def evidence_of(candidate, baseline, **others):
    systems = {"awq": candidate, "baseline": baseline, **others}
    return Evidence(systems, {name: f"sha256:{name}" for name in systems})


def checked(rule, candidate, baseline, policy=None, **others):
    evidence = evidence_of(candidate, baseline, **others)
    return list(check_critical(rule, "awq", evidence, policy or policy_of(rule), LEVEL))


def test_a_candidate_that_keeps_the_label_passes_and_n_is_what_carries_it():
    [check] = checked(ALLERGIES, system_of("awq", 2), system_of("baseline", 2))
    assert (check.outcome, check.reason) == ("promote", "holds")
    assert (check.carriers, check.clusters, check.rows) == (120, 120, 120)
    assert (check.critical, check.metric) == ("recall of allergies", "micro_recall.allergies")
    assert check.low > -0.1


def test_a_candidate_that_loses_the_label_fails_however_good_the_rest_is():
    candidate, baseline = system_of("awq", 40), system_of("baseline")
    policy = policy_of(ALLERGIES)
    decision = decide(policy, ["awq"], evidence_of(candidate, baseline), seed=17)
    micro_f1, critical = decision.results[0].checks
    assert micro_f1.outcome == "promote"
    assert critical.outcome == "reject"
    assert critical.value == pytest.approx(-40 / 120)
    assert decision.outcome == "reject"


def test_few_carriers_are_inconclusive_whatever_the_scores_and_say_how_many_documents_it_takes():
    [check] = checked(ALLERGIES, system_of("awq", 0, 12), system_of("baseline", 6, 12))
    assert (check.outcome, check.reason, check.p_value) == ("inconclusive", "too-few-carriers", 1.0)
    assert check.carriers == 12
    # 18 more carriers, of which there are 12 in 300 documents
    assert check.further_documents >= 18 * 300 / 12
    [worse] = checked(ALLERGIES, system_of("awq", 12, 12), system_of("baseline", 0, 12))
    assert (worse.outcome, worse.reason) == ("inconclusive", "too-few-carriers")


@pytest.mark.parametrize("carriers", [0, 1])
def test_what_no_document_or_one_carries_is_never_promoted(carriers):
    rule = ALLERGIES.model_copy(update={"minimum": 0.2, "min_documents": 2})
    candidate, baseline = system_of("awq", 0, carriers), system_of("baseline", 0, carriers)
    comparison, floor = checked(rule, candidate, baseline)
    for check, low in ((comparison, -1.0), (floor, 0.0)):
        assert (check.outcome, check.reason, check.p_value) == (
            "inconclusive", "too-few-carriers", 1.0,
        )  # fmt: skip
        assert (check.low, check.high, check.method) == (low, 1.0, NO_BOUND)
        assert check.carriers == check.clusters == carriers
        assert check.further_documents == (300 if carriers else None)
    decision = decide(policy_of(rule), ["awq"], evidence_of(candidate, baseline), seed=17)
    assert decision.outcome == "inconclusive"
    assert Decision.model_validate_json(decision.canonical_json()) == decision


def test_min_documents_of_the_rule_takes_the_place_of_the_policys_minimum():
    systems = system_of("awq", 0, 20), system_of("baseline", 0, 20)
    wide = CriticalLabel(field="allergies", margin=0.4, references=("baseline",))
    assert checked(wide, *systems)[0].reason == "too-few-carriers"
    [check] = checked(wide.model_copy(update={"min_documents": 20}), *systems)
    assert (check.outcome, check.carriers) == ("promote", 20)
    stricter = wide.model_copy(update={"min_documents": 21})
    assert checked(stricter, *systems, policy_of(stricter, min_clusters=2))[0].p_value == 1.0


def test_margin_and_minimum_are_checked_apart():
    rule = ALLERGIES.model_copy(update={"minimum": 0.9})
    comparison, floor = checked(rule, system_of("awq", 30), system_of("baseline", 30))
    assert (comparison.kind, comparison.outcome) == ("non-inferiority", "promote")
    assert (floor.kind, floor.outcome, floor.threshold) == ("floor", "reject", 0.9)
    assert floor.value == pytest.approx(0.75)
    assert floor.carriers == 120


def test_every_reference_has_its_check_and_a_missing_champion_is_left_out():
    rule = CriticalLabel(field="allergies", margin=0.1, references=("baseline", "champion"))
    awq, baseline = system_of("awq"), system_of("baseline", 5)
    assert [c.reference for c in checked(rule, awq, baseline)] == ["baseline"]
    both = checked(rule, awq, baseline, champion=system_of("champion"))
    assert [c.reference for c in both] == ["baseline", "champion"]
    unquantized = rule.model_copy(update={"references": ("unquantized",)})
    sibling = {"fine-tuned": system_of("fine-tuned")}
    assert [c.reference for c in checked(unquantized, awq, baseline, **sibling)] == ["unquantized"]


def test_a_slice_value_counts_its_rows_alone():
    # Every second document names an unseen drug; all that is missed is missed there.
    values = np.where(np.arange(DOCUMENTS) % 2 == 0, "True", "False")
    candidate = system_of("awq", values=values)
    unseen = (values == "True") & (candidate.frame["fn"] == 0)
    candidate.frame.loc[unseen, ["tp", "fn"]] = [1, 2]
    baseline = system_of("baseline", values=values)
    rule = CriticalLabel(slice="unseen_drug", value="True", margin=0.1, references=("baseline",))
    [bad] = checked(rule, candidate, baseline)
    assert (bad.outcome, bad.slice, bad.carriers) == ("reject", "unseen_drug = True", 150)
    assert bad.critical == "recall where unseen_drug = True"
    [good] = checked(rule.model_copy(update={"value": "False"}), candidate, baseline)
    assert (good.outcome, good.value) == ("promote", 0.0)
    [absent] = checked(rule.model_copy(update={"value": "maybe"}), candidate, baseline)
    assert (absent.outcome, absent.carriers) == ("inconclusive", 0)


def test_a_slice_that_was_not_declared_is_named():
    rule = CriticalLabel(slice="ward", value="7", minimum=0.5)
    with pytest.raises(EvidenceError, match=r"expected one of the slices .*, got 'ward'"):
        checked(rule, system_of("awq"), system_of("baseline"))


def test_a_field_that_is_not_measured_is_named():
    with pytest.raises(EvidenceError, match=r"got 'micro_recall\.problems'"):
        checked(CriticalLabel(field="problems", minimum=0.5), system_of("awq"), system_of("base"))


def test_precision_of_a_label_falls_with_false_claims_that_recall_does_not_see():
    systems = system_of("awq", claimed=60, label="urgent"), system_of("baseline", label="urgent")
    recall = CriticalLabel(label="urgent", margin=0.1, references=("baseline",))
    precision = recall.model_copy(update={"measure": "precision"})
    assert checked(recall, *systems)[0].outcome == "promote"
    [check] = checked(precision, *systems)
    assert (check.outcome, check.metric) == ("reject", "micro_precision.urgent")
    assert check.value == pytest.approx(120 / 180 - 1)


def test_precision_counts_documents_in_which_it_is_claimed_too():
    # Three claims, all right, of a label that 120 documents carry.
    rule = CriticalLabel(field="allergies", measure="precision", minimum=0.5, margin=0.1,
                         references=("baseline",))  # fmt: skip
    for check in checked(rule, system_of("awq", 117), system_of("baseline")):
        assert (check.value if check.kind == "floor" else check.value + 1) == 1.0
        assert (check.outcome, check.reason) == ("inconclusive", "too-few-carriers")
        assert check.carriers == 3


def test_a_rule_that_is_not_required_blocks_nothing():
    rule = ALLERGIES.model_copy(update={"required": False})
    evidence = evidence_of(system_of("awq", 40), system_of("baseline"))
    decision = decide(policy_of(rule), ["awq"], evidence, seed=17)
    assert decision.outcome == "promote"
    assert [c.outcome for c in decision.results[0].checks] == ["promote", "reject"]


def test_the_alpha_of_the_rule_counts():
    systems = system_of("awq", 6), system_of("baseline", 6)
    [loose] = checked(ALLERGIES, *systems)
    [strict] = checked(ALLERGIES.model_copy(update={"alpha": 0.01}), *systems)
    assert (loose.alpha, strict.alpha) == (0.05, 0.01)
    assert strict.low < loose.low


def test_more_documents_are_those_of_the_whole_test_set():
    # 40 of 300 carry it, and every second is missed: far from a margin that they could settle.
    candidate, baseline = system_of("awq", 4, 40), system_of("baseline", 2, 40)
    [check] = checked(ALLERGIES, candidate, baseline)
    assert (check.outcome, check.reason) == ("inconclusive", "interval-covers-threshold")
    whole = system_of("awq", 4, 40).frame.head(40), system_of("baseline", 2, 40).frame.head(40)
    alone = [
        Evaluation(e.system, e.engine, e.task, e.data_digest, e.metrics, frame)
        for e, frame in zip((candidate, baseline), whole, strict=True)
    ]
    [of_carriers] = checked(ALLERGIES, *alone)
    assert check.further_documents == int(np.ceil(of_carriers.further_documents * 300 / 40))


def test_documents_without_the_label_change_nothing():
    systems = system_of("awq", 6), system_of("baseline", 3)
    [check] = checked(ALLERGIES, *systems)
    shorter = [
        Evaluation(e.system, e.engine, e.task, e.data_digest, e.metrics, e.frame.head(150))
        for e in systems
    ]
    [same] = checked(ALLERGIES, *shorter)
    assert (check.low, check.high, check.p_value) == (same.low, same.high, same.p_value)


def test_the_sentences_say_recall_of_allergies_and_how_many_carry_it():
    rule = ALLERGIES.model_copy(update={"minimum": 0.5})
    few = evidence_of(system_of("awq", 0, 12), system_of("baseline", 0, 12))
    decision = decide(policy_of(rule), ["awq"], few, seed=17)
    told = [reason for reason in decision.reasons if "allergies" in reason]
    assert "awq: recall of allergies against baseline on clinical-notes is +0.0000" in told[0]
    assert "(n = 12 rows of 12 documents that carry it)" in told[0]
    assert "cannot be told from fewer than 30 documents that carry it; about" in told[0]
    assert "awq: recall of allergies on clinical-notes is 1.0000" in told[1]


def test_a_decision_of_before_still_reads():
    evidence = evidence_of(system_of("awq"), system_of("baseline"))
    stored = json.loads(decide(policy_of(), ["awq"], evidence, seed=17).canonical_json())
    del stored["policy"]["critical"]
    for check in stored["results"][0]["checks"]:
        del check["carriers"], check["critical"]
    read = Decision.model_validate(stored)
    assert read.policy.critical == ()
    assert read.results[0].checks[0].carriers is None


def test_the_error_rate_holds_at_the_margin_where_a_tenth_of_the_documents_carry_the_label():
    """The case in which a bound over all documents is far too short: 30 of 300 carry it."""
    rng = np.random.default_rng(3)
    trials, promoted = 200, 0
    for _ in range(trials):
        lost = int(rng.binomial(30, 0.2))
        [check] = checked(
            CriticalLabel(field="allergies", margin=0.2, references=("baseline",)),
            system_of("awq", lost, 30), system_of("baseline", 0, 30),
        )  # fmt: skip
        promoted += check.outcome == "promote"
    assert promoted / trials <= 0.05 + 3 * (0.05 * 0.95 / trials) ** 0.5
