"""One rule, one candidate: what each kind of rule looks at and what it says."""

from dataclasses import replace

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig, TokenPrices
from evals.checks import (
    Level,
    check_ceiling,
    check_comparison,
    check_floor,
    outcome_of_all,
    outcome_of_bounds,
)
from evals.evidence import Evidence
from evals.metric import Metric, count_metrics, f1_ratio

LEVEL = Level(alpha=0.05, seed=3)
MICRO_F1 = Comparison(metric="micro_f1", margin=0.05)


def policy(**changes):
    return GateConfig(comparisons=(MICRO_F1,), resamples=1000, **changes)


def evidence(evaluations, guards=None):
    guards = guards or {}
    named = [*evaluations, *(f"{task}/{system}" for task in guards for system in guards[task])]
    return Evidence(evaluations, dict.fromkeys(named, "sha256:x"), guards)


@pytest.fixture
def system(evaluation_of):
    """An evaluation of 120 documents in which the first few miss 3 of their 5 gold items."""

    def make(name, missing=0, **more):
        missed = np.where(np.arange(120) < missing, 3, 0)
        return evaluation_of(name, tp=5 - missed, fn=missed, **more)

    return make


def test_every_reference_that_exists_has_its_own_check(system):
    known = {name: system(name) for name in ("awq", "baseline", "champion", "base", "fine-tuned")}
    rule = MICRO_F1.model_copy(
        update={"references": ("baseline", "champion", "base", "unquantized")}
    )
    checks = list(check_comparison(rule, "awq", evidence(known), policy(), LEVEL))
    assert [c.reference for c in checks] == ["baseline", "champion", "base", "unquantized"]
    own = list(check_comparison(rule, "fine-tuned", evidence(known), policy(), LEVEL))
    assert [c.reference for c in own] == ["baseline", "champion", "base"]


def test_a_quantized_candidate_is_held_against_its_unquantized_sibling(system):
    rule = MICRO_F1.model_copy(update={"references": ("unquantized",)})
    known = {"awq": system("awq", missing=40), "fine-tuned": system("fine-tuned")}
    [check] = check_comparison(rule, "awq", evidence(known), policy(), LEVEL)
    assert (check.outcome, check.reason) == ("reject", "fails")
    assert check.p_value > 0.5


def test_equivalence_also_refuses_a_candidate_that_is_better_by_the_margin(system):
    rule = MICRO_F1.model_copy(update={"test": "equivalence"})
    same = {"awq": system("awq"), "baseline": system("baseline")}
    [check] = check_comparison(rule, "awq", evidence(same), policy(), LEVEL)
    assert (check.kind, check.outcome) == ("equivalence", "promote")
    better = {"awq": system("awq"), "baseline": system("baseline", missing=60)}
    [check] = check_comparison(rule, "awq", evidence(better), policy(), LEVEL)
    assert check.outcome == "reject"
    [plain] = check_comparison(MICRO_F1, "awq", evidence(better), policy(), LEVEL)
    assert plain.outcome == "promote"


def test_a_guard_task_is_compared_with_the_base(system):
    rule = Comparison(metric="exact_match", margin=0.05, task="arc", references=("base",))
    guards = {"arc": {"awq": system("awq", exact=np.arange(120) > 40), "base": system("base")}}
    known = evidence({"awq": system("awq")}, guards)
    [check] = check_comparison(rule, "awq", known, policy(), LEVEL)
    assert check.outcome == "reject"
    with pytest.raises(EvidenceError, match="fine-tuned on guard task arc"):
        list(
            check_comparison(
                rule.model_copy(update={"references": ("unquantized",)}),
                "awq",
                known,
                policy(),
                LEVEL,
            )
        )


def test_a_floor_on_a_slice_must_hold_for_each_of_its_values(system):
    slices = ["long" if i % 2 else "short" for i in range(120)]
    missed = np.array([3 if i % 2 else 0 for i in range(120)])
    weak = system("awq", slices=slices)
    weak = replace(weak, frame=weak.frame.assign(tp=5 - missed, fn=missed))
    rule = Floor(metric="micro_f1", minimum=0.8, slice="note_type")
    checks = list(check_floor(rule, "awq", evidence({"awq": weak}), policy(), LEVEL))
    assert [(c.slice, c.outcome, c.clusters) for c in checks] == [
        ("note_type = long", "reject", 60), ("note_type = short", "promote", 60)]  # fmt: skip
    with pytest.raises(EvidenceError, match=r"one of the slices \['note_type'\], got 'age'"):
        wrong = rule.model_copy(update={"slice": "age"})
        list(check_floor(wrong, "awq", evidence({"awq": weak}), policy(), LEVEL))


def test_a_rule_may_have_an_alpha_of_its_own(system):
    rule = MICRO_F1.model_copy(update={"alpha": 0.01})
    known = {"awq": system("awq", missing=10), "baseline": system("baseline")}
    [strict] = check_comparison(rule, "awq", evidence(known), policy(), LEVEL)
    [plain] = check_comparison(MICRO_F1, "awq", evidence(known), policy(), LEVEL)
    assert strict.alpha == 0.01
    assert strict.low < plain.low
    [shared] = check_comparison(
        rule, "awq", evidence(known), policy(), Level(alpha=0.025, seed=3, share=0.5)
    )
    assert shared.alpha == 0.005


def test_latency_is_that_of_the_slowest_row_of_a_document(system):
    fast = system("awq", rows_per_document=2)
    latency = np.where(np.arange(120) % 2, 0.2, 1.0)
    slow_second = replace(fast, frame=fast.frame.assign(latency_s=latency))
    known = evidence({"awq": slow_second})
    [high] = check_ceiling(
        Ceiling(measure="latency_p95_s", maximum=0.9), "awq", known, policy(), LEVEL
    )
    assert (high.value, high.clusters, high.outcome) == (1.0, 60, "reject")
    [low] = check_ceiling(
        Ceiling(measure="latency_p95_s", maximum=1.1), "awq", known, policy(), LEVEL
    )
    assert low.outcome == "promote"


def test_recorded_answers_without_latency_cannot_pass_a_ceiling(system):
    recorded = system("awq")
    recorded = replace(recorded, frame=recorded.frame.assign(latency_s=0.0))
    with pytest.raises(EvidenceError, match="expected a latency of every row"):
        list(
            check_ceiling(
                Ceiling(measure="latency_p95_s", maximum=1), "awq", evidence({"awq": recorded}),
                policy(), LEVEL,
            )
        )  # fmt: skip


def test_cost_counts_every_token_of_a_document_at_the_policys_prices(system):
    # Two rows of 9 tokens in and 2 out: 2 * (9 * 10 + 2 * 100) / 1e6 * 1000 = 0.58 per 1k documents.
    rule = Ceiling(measure="cost_per_1k_documents", maximum=0.6)
    prices = TokenPrices(input_per_million=10, output_per_million=100)
    priced = policy(prices=prices, ceilings=(rule,))
    known = evidence({"awq": replace(system("awq", rows_per_document=2), max_output_tokens=4)})
    [check] = check_ceiling(rule, "awq", known, priced, LEVEL)
    assert check.value == pytest.approx(0.58)
    assert check.low < 0.58 < check.high
    below = rule.model_copy(update={"maximum": 0.5})
    [check] = check_ceiling(below, "awq", known, priced, LEVEL)
    assert check.outcome == "reject"


@pytest.mark.parametrize(
    ("low", "high", "outcome"),
    [
        (-0.049, 0.1, "promote"), (-0.05, 0.1, "inconclusive"), (-0.2, -0.051, "reject"),
        (-0.2, -0.05, "inconclusive"), (-0.2, 0.2, "inconclusive"),
    ],
)  # fmt: skip
def test_the_bound_itself_must_pass_the_threshold(low, high, outcome):
    assert outcome_of_bounds(low, high, -0.05) == outcome


def test_one_reject_outweighs_and_one_doubt_holds_back():
    assert outcome_of_all(["promote", "reject", "inconclusive"]) == "reject"
    assert outcome_of_all(["promote", "inconclusive"]) == "inconclusive"
    assert outcome_of_all(["promote", "promote"]) == "promote"


def with_field(evaluation, carrying, found=2):
    """The evaluation with the counts of a field that only the first documents carry."""
    carries = np.arange(evaluation.rows) < carrying
    tp = np.where(carries, found, 0)
    frame = evaluation.frame.assign(**{"tp.dose": tp, "fn.dose": np.where(carries, 2 - found, 0)})
    fields = count_metrics(".dose")
    macro = Metric(name="macro_f1", ratios=(f1_ratio(".problems"), f1_ratio(".dose")))
    frame["fp.dose"] = 0
    return replace(evaluation, frame=frame, metrics=(*evaluation.metrics, *fields, macro))


def compared(ours, theirs, metric, margin=0.2, **changes):
    rule = Comparison(metric=metric, margin=margin, references=("baseline",))
    known = evidence({"awq": ours, "baseline": theirs})
    [check] = check_comparison(rule, "awq", known, policy(**changes), LEVEL)
    return check


def test_where_nothing_is_counted_nothing_is_told(system):
    empty = with_field(system("awq"), carrying=0)
    for check in (
        compared(empty, empty, "micro_f1.dose"),
        *check_floor(
            Floor(metric="micro_f1.dose", minimum=0.5), "awq", evidence({"awq": empty}), policy(),
            LEVEL,
        ),
    ):  # fmt: skip
        assert (check.outcome, check.reason) == ("inconclusive", "nothing-to-count")
        assert (check.carriers, check.p_value, check.further_documents) == (0, 1.0, None)


@pytest.mark.parametrize("found", [0, 2])
def test_a_field_that_few_documents_carry_is_not_told_whatever_the_scores(evaluation_of, found):
    ours, theirs = (
        with_field(evaluation_of(name, tp=[5] * 200), 10, found=count)
        for name, count in (("awq", found), ("baseline", 2))
    )
    check = compared(ours, theirs, "micro_f1.dose")
    assert (check.outcome, check.reason) == ("inconclusive", "too-few-carriers")
    assert (check.carriers, check.clusters, check.p_value) == (10, 200, 1.0)
    # One document in twenty carries it, so that 20 carriers more need 400 documents.
    assert check.further_documents >= 400


def test_macro_f1_counts_the_documents_of_its_rarest_class(evaluation_of):
    same = with_field(evaluation_of("awq", tp=[5] * 200), 3)
    check = compared(same, same, "macro_f1", margin=0.3)
    assert (check.outcome, check.reason, check.carriers) == ("inconclusive", "too-few-carriers", 3)
    assert compared(same, same, "micro_f1", margin=0.3).outcome == "promote"


def test_enough_carriers_are_told_by(evaluation_of):
    same = with_field(evaluation_of("awq", tp=[5] * 200), 60)
    check = compared(same, same, "micro_f1.dose")
    assert (check.outcome, check.reason, check.carriers) == ("promote", "holds", 60)


def test_too_few_documents_are_named_before_too_few_carriers(evaluation_of):
    same = evaluation_of("awq", tp=[5] * 20)
    check = compared(same, same, "micro_f1")
    assert (check.outcome, check.reason) == ("inconclusive", "too-few-documents")


def test_documents_too_uneven_for_the_margin_are_named(evaluation_of):
    large = np.where(np.arange(200) == 0, 1000, 5)
    uneven = evaluation_of("awq", tp=large)
    check = compared(uneven, uneven, "micro_f1", margin=0.05)
    assert (check.outcome, check.reason) == ("inconclusive", "too-uneven")
    [floor] = check_floor(
        Floor(metric="micro_f1", minimum=0.9), "awq", evidence({"awq": uneven}), policy(), LEVEL
    )
    assert (floor.outcome, floor.reason) == ("inconclusive", "too-uneven")
    even = evaluation_of("awq", tp=[5] * 200)
    assert compared(even, even, "micro_f1", margin=0.05).reason == "holds"


def test_too_few_even_documents_are_not_called_uneven(evaluation_of):
    same = evaluation_of("awq", tp=[5] * 40)
    assert compared(same, same, "micro_f1", margin=0.02).reason == "interval-covers-threshold"


def test_a_large_document_that_is_lost_rejects(evaluation_of):
    large = np.where(np.arange(200) < 40, 25, 5)
    lost = np.where(np.arange(200) < 40, 0, large)
    check = compared(
        evaluation_of("awq", tp=lost, fn=large - lost), evaluation_of("baseline", tp=large),
        "micro_f1", margin=0.05,
    )  # fmt: skip
    assert (check.outcome, check.reason) == ("reject", "fails")
