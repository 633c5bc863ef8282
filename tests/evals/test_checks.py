"""One rule, one candidate: what each kind of rule looks at and what it says."""

from dataclasses import dataclass, replace

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig, TokenPrices
from evals.checks import (
    Level,
    check_ceiling,
    check_comparison,
    check_floor,
    further_documents,
    outcome_of_all,
    outcome_of_bounds,
)
from evals.evidence import Evidence

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
    known = evidence({"awq": system("awq", rows_per_document=2)})
    [check] = check_ceiling(rule, "awq", known, priced, LEVEL)
    assert check.value == pytest.approx(0.58)
    assert check.low <= 0.58 <= check.high
    below = rule.model_copy(update={"maximum": 0.5})
    [check] = check_ceiling(below, "awq", known, priced, LEVEL)
    assert check.outcome == "reject"


@dataclass
class found:
    """Bounds made up for the arithmetic."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str = "made up"


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


def test_further_documents_follow_the_square_root_law():
    # Half-width 0.06 at 100 documents, 0.03 from the threshold: (0.06 / 0.03)^2 * 100 = 400 for
    # an even chance, times ((1.645 + 0.842) / 1.645)^2 = 2.285 for a chance of 80%.
    near = found(value=-0.02, low=-0.08, high=0.04, rows=200, clusters=100)
    assert further_documents(near, -0.05, 0.05) == pytest.approx(400 * 2.285 - 100, abs=3)
    below = found(value=-0.08, low=-0.14, high=-0.02, rows=200, clusters=100)
    assert further_documents(below, -0.05, 0.05) == further_documents(near, -0.05, 0.05)
    at = found(value=-0.05, low=-0.1, high=0.0, rows=200, clusters=100)
    assert further_documents(at, -0.05, 0.05) is None
