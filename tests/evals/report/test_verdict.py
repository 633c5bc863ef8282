import re

import pytest

from configs.gate_policy import Ceiling, Comparison, GateConfig, TokenPrices
from configs.gate_settings import AlphaBudget, Sequential
from evals.decision import Look
from evals.report.verdict import statistics_line, verdict

TASK = "clinical-notes"
JARGON = ("alpha", "bound", "interval", "micro_f1", "p-value", "inferiority", "bootstrap")


@pytest.fixture
def verdict_of(decision_of):
    def say(checks, **decided):
        return verdict(decision_of(checks, **decided), TASK)

    return say


def test_a_promotion_names_the_references_the_margin_and_n(verdict_of, check_of):
    said = verdict_of({"awq": [check_of(), check_of(reference="champion")]})
    assert said == (
        "Promote awq: it does as well as the baseline and the present champion, within the 5 points "
        "that may be lost. Judged on 255 cases from 200 documents."
    )


def test_a_promotion_says_better_only_where_even_the_lower_bound_is_a_gain(verdict_of, check_of):
    checks = [check_of(value=0.3), check_of(value=0.02, reference="champion")]
    floor = check_of(kind="floor", metric="valid_json", reference=None, threshold=0.95, value=0.99)
    assert verdict_of({"awq": [*checks, floor]}).startswith(
        "Promote awq: it does better than the baseline and it does as well as the present champion, "
        "within the 5 points that may be lost; every other requirement holds. Judged"
    )


def test_one_metric_that_is_not_better_keeps_the_whole_reference_from_being_beaten(
    verdict_of, check_of
):
    checks = [check_of(value=0.3), check_of(metric="micro_recall", threshold=-0.02)]
    said = verdict_of({"awq": checks})
    assert "better" not in said
    assert "as well as the baseline, within the 2 to 5 points that may be lost" in said


def test_equivalence_is_said_to_be_the_same_either_way(verdict_of, check_of):
    check = check_of(kind="equivalence", threshold=-0.01, value=0.001, half_width=0.0005)
    assert "does the same as the baseline, within 1 point either way." in verdict_of(
        {"awq": [check]}
    )


def test_guards_alone_promote_without_a_claim_about_the_task(verdict_of, check_of):
    said = verdict_of({"awq": [check_of(task="arc_easy", reference="base", rows=90, clusters=90)]})
    assert said == "Promote awq: every requirement holds. Judged on 90 cases from 90 documents."


def test_n_is_that_of_the_main_task_not_of_a_larger_guard(verdict_of, check_of):
    guard = check_of(task="arc_easy", reference="base", rows=2000, clusters=2000)
    assert "255 cases from 200 documents" in verdict_of({"awq": [check_of(), guard]})


def test_a_rejection_says_per_candidate_what_was_missed_and_what_was_needed(verdict_of, check_of):
    slow = check_of(
        "reject", kind="ceiling", metric="latency_p95_s", reference=None, threshold=5, value=6.25
    )
    said = verdict_of({"awq": [check_of("reject", -0.123)], "fp8-dynamic": [check_of(), slow]})
    assert said == (
        "Promote nothing: none of awq and fp8-dynamic is good enough. "
        "awq: at finding the right items and only those it is 12.3 points worse than the baseline, "
        "and at most 5 points may be lost. "
        "fp8-dynamic: for the response time of the slowest documents it reaches 6.25 seconds, and "
        "needs at most 5 seconds. Judged on 255 cases from 200 documents."
    )


def test_a_failed_floor_on_a_slice_of_a_guard_names_both(verdict_of, check_of):
    floor = check_of(
        "reject", kind="floor", metric="accuracy", reference=None, threshold=0.9, value=0.7,
        slice="ward = night", task="arc_easy",
    )  # fmt: skip
    assert (
        "for right answers where ward = night (on arc_easy) it reaches 70 of 100, and needs at least "
        "90 of 100." in verdict_of({"awq": [check_of(), floor]})
    )


def test_a_failed_cost_is_in_the_currency_of_the_prices(verdict_of, check_of):
    policy = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),),
        ceilings=(Ceiling(measure="cost_per_1k_documents", maximum=0.5),),
        prices=TokenPrices(input_per_million=1, output_per_million=2, currency="EUR"),
    )
    check = check_of(
        "reject", kind="ceiling", metric="cost_per_1k_documents", reference=None, threshold=0.5,
        value=0.75,
    )  # fmt: skip
    said = verdict_of({"awq": [check]}, policy=policy)
    assert "the cost of a thousand documents it reaches 0.75 EUR, and needs at most 0.5 EUR" in said


def test_a_doubt_says_how_many_more_documents_would_settle_it_and_what_is_open(
    verdict_of, check_of
):
    checks = {
        "awq": [check_of("inconclusive", -0.03), check_of("inconclusive", reference="champion")]
    }
    assert verdict_of(checks, further_documents=124) == (
        "The evidence cannot tell whether awq may be promoted; about 124 more documents would probably "
        "settle it. Open: at finding the right items and only those it is anywhere from 6 points worse "
        "to 0 points better than the baseline, and at most 5 points may be lost. 1 more rule cannot be "
        "told either. Judged on 255 cases from 200 documents."
    )


def test_a_doubt_that_no_number_of_documents_would_settle_says_so(verdict_of, check_of):
    said = verdict_of({"awq": [check_of("inconclusive", -0.05)]})
    assert "may be promoted, and more documents like these would not settle it." in said


def test_too_few_documents_are_named_as_the_cause(verdict_of, check_of):
    checks = [check_of("inconclusive", reason="too-few-documents", rows=12, clusters=10)]
    said = verdict_of({"awq": checks}, further_documents=20)
    assert "about 20 more documents would probably settle it." in said
    assert "No fewer than 30 documents can say anything here. Judged on 12 cases from 10" in said


def test_a_doubt_is_about_the_undecided_candidate_not_about_a_rejected_one(verdict_of, check_of):
    checks = {"awq": [check_of("reject", -0.3)], "fp8-dynamic": [check_of("inconclusive", -0.04)]}
    assert "whether fp8-dynamic may be promoted" in verdict_of(checks, further_documents=1)


def test_an_optional_rule_that_does_not_hold_is_mentioned(verdict_of, check_of):
    wish = check_of("reject", -0.2, metric="exact_match", required=False)
    said = verdict_of({"awq": [check_of(), wish]})
    assert said.startswith("Promote awq")
    assert said.endswith("1 optional rule, which would block nothing, is not shown to hold.")


@pytest.mark.parametrize("outcome", ["promote", "reject", "inconclusive"])
@pytest.mark.parametrize("kind", ["non-inferiority", "equivalence", "floor", "ceiling"])
def test_no_verdict_has_jargon_or_a_sign_in_it(verdict_of, check_of, outcome, kind):
    alone = kind in ("floor", "ceiling")
    check = check_of(
        outcome, 0.5 if alone else -0.02, kind=kind, reference=None if alone else "champion",
        metric={"ceiling": "latency_p95_s"}.get(kind, "micro_f1"), threshold=0.5 if alone else -0.05,
    )  # fmt: skip
    said = verdict_of({"awq": [check]}, further_documents=3)
    assert not [word for word in JARGON if word in said]
    assert not re.search(r"[-+]\d", said)


def test_the_statistics_line_gives_alpha_correction_candidates_and_look(decision_of, check_of):
    two = {"awq": [check_of()], "fp8-dynamic": [check_of()]}
    assert statistics_line(decision_of(two)) == (
        "Statistics: one-sided alpha 0.05; 2 candidates, step-down max-T correction; look 1 on this "
        "test set, no alpha budget over looks."
    )
    budgeted = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),), alpha_budget=AlphaBudget()
    )
    look = Look(number=2, alpha=0.0076, budgeted=True)
    line = statistics_line(decision_of({"awq": [check_of()]}, policy=budgeted, look=look))
    assert "1 candidate, no correction; look 2 on this test set, which may spend 0.0076" in line
    early = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),), sequential=Sequential()
    )
    assert "Bonferroni" in statistics_line(decision_of(two, policy=early))


def test_the_statistics_line_says_when_the_policy_was_recorded_and_changed(decision_of, check_of):
    look = Look(
        number=3, alpha=0.01, budgeted=True, policy_recorded="after", policy_changed_after=2
    )
    line = statistics_line(decision_of({"awq": [check_of()]}, look=look))
    assert line.endswith(
        "This policy was recorded after the answers were first scored. The policy was changed after "
        "look 2, which applied another."
    )


def test_the_statistics_line_says_that_a_look_is_uncounted(decision_of, check_of):
    look = Look(number=1, alpha=0.05, budgeted=False, counted=False)
    assert statistics_line(decision_of({"awq": [check_of()]}, look=look)).endswith(
        "an uncounted look."
    )
    budgeted = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.05),), alpha_budget=AlphaBudget()
    )
    line = statistics_line(decision_of({"awq": [check_of()]}, policy=budgeted, look=look))
    assert line.endswith("an uncounted look, outside the alpha budget.")
