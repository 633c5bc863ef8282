import numpy as np
import pytest

from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig
from evals.evidence import Evidence
from evals.gate import decide
from evals.siblings import correlation_of

COMPARISON = Comparison(metric="micro_f1", margin=0.05, references=("baseline",))


@pytest.fixture
def siblings(evaluation_of):
    """Three candidates that miss mostly the same items, and a baseline of its own."""

    def make(alike=0.9, documents=400, seed=5):
        rng = np.random.default_rng(seed)
        base = rng.random(documents) < 0.2
        shared = rng.random(documents) < 0.2
        named = {}
        for name in ("awq", "fp8-dynamic", "fine-tuned"):
            missed = np.where(rng.random(documents) < alike, shared, rng.random(documents) < 0.2)
            named[name] = evaluation_of(name, tp=5 - 3 * missed, fn=3 * missed)
        named["baseline"] = evaluation_of("baseline", tp=5 - 3 * base, fn=3 * base)
        return Evidence(named, dict.fromkeys(named, "sha256:x"))

    return make


NAMES = ("awq", "fp8-dynamic", "fine-tuned")


def correlation(evidence, *, names=NAMES, **changes):
    policy = GateConfig(**{"comparisons": (COMPARISON,), **changes})
    return correlation_of(policy, names, evidence, 0.05)


def test_candidates_that_miss_the_same_items_are_alike(siblings):
    close, apart = correlation(siblings(0.95)), correlation(siblings(0.0))
    assert close > 0.8
    # What they share with a baseline makes even the others alike.
    assert 0.2 < apart < 0.7


def test_more_candidates_are_never_more_alike_than_two_of_them(siblings):
    evidence = siblings(0.7)
    assert correlation(evidence) == pytest.approx(
        min(correlation(evidence, names=pair) for pair in
            (NAMES[:2], NAMES[1:], (NAMES[0], NAMES[2])))
    )  # fmt: skip


def test_every_required_rule_counts_and_others_do_not(siblings):
    evidence = siblings()
    alone = correlation(evidence)
    floor = Floor(metric="micro_f1", minimum=0.5)
    assert correlation(evidence, floors=(floor,)) <= alone
    # All answers are valid, so that what broke this floor alone would not be seen at all.
    valid = Floor(metric="valid_json", minimum=0.9)
    assert correlation(evidence, floors=(valid,)) == 0.0
    wish = valid.model_copy(update={"required": False})
    assert correlation(evidence, floors=(wish,)) == alone


@pytest.mark.parametrize(
    "changes",
    [
        {"comparisons": (COMPARISON, Comparison(
            metric="exact_match", margin=0.05, task="arc", references=("base",)))},
        {"floors": (Floor(metric="exact_match", minimum=0.5, task="arc"),)},
        {"floors": (Floor(metric="micro_f1", minimum=0.5, slice="note_type"),)},
        {"ceilings": (Ceiling(measure="latency_p95_s", maximum=2),)},
    ],
    ids=["guard comparison", "guard floor", "slice", "ceiling"],
)  # fmt: skip
def test_rules_on_other_documents_or_no_sum_make_candidates_count_as_unlike(siblings, changes):
    assert correlation(siblings(), **changes) == 0.0


def test_an_optional_rule_on_other_documents_changes_nothing(siblings):
    ceiling = Ceiling(measure="latency_p95_s", maximum=2, required=False)
    evidence = siblings()
    assert correlation(evidence, ceilings=(ceiling,)) == correlation(evidence)


def test_max_t_tests_like_candidates_less_hard_than_holm(siblings):
    evidence = siblings(0.95)
    levels = {}
    for correction in ("max-t", "holm", "bonferroni"):
        policy = GateConfig(comparisons=(COMPARISON,), correction=correction)
        decision = decide(policy, NAMES, evidence, seed=1)
        levels[correction] = [result.alpha for result in decision.results]
    assert max(levels["bonferroni"]) == pytest.approx(0.05 / 3)
    assert all(m >= h for m, h in zip(levels["max-t"], levels["holm"], strict=True))
    assert min(levels["max-t"]) > 1.3 * min(levels["holm"])


def test_the_same_answers_under_three_names_are_tested_at_about_alpha(siblings):
    evidence = siblings(1.0)
    policy = GateConfig(comparisons=(COMPARISON,))
    decision = decide(policy, NAMES, evidence, seed=1)
    assert all(0.7 * 0.05 < result.alpha <= 0.05 for result in decision.results)
