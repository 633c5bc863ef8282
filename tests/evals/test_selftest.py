import numpy as np
import pytest

from configs.critical_labels import CriticalLabel
from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig, PooledGuard
from configs.gate_settings import StabilityRule
from evals.decision import Look
from evals.selftest import exercisable, run_selftest

POLICY = GateConfig(
    comparisons=(Comparison(metric="micro_f1", margin=0.08),),
    floors=(Floor(metric="valid_json", minimum=0.5),),
    resamples=1000,
)


@pytest.fixture
def recorded(evaluation_of):
    rng = np.random.default_rng(5)
    made = []
    for name in ("candidate", "baseline"):
        missed = np.where(rng.random(120) < 0.15, 3, 0)
        made.append(evaluation_of(name, tp=5 - missed, fn=missed))
    return made


def test_a_sound_policy_keeps_alpha_at_the_margin_and_promotes_what_is_as_good(recorded):
    found = run_selftest(POLICY, *recorded, trials=60, seed=1)
    spread = [line for line in found.lines if line.kind == "random documents"]
    by_size = {round(line.true_difference, 3): line for line in spread}
    assert list(by_size) == [0.0, -0.04, -0.08, -0.16]
    assert by_size[0.0].promoted.value > by_size[-0.08].promoted.value
    assert by_size[-0.16].promoted.value == 0
    assert [line.is_false_promotion for line in spread] == [False, False, True, True]
    assert found.keeps_alpha
    assert all(
        line.promoted.low <= line.promoted.value <= line.promoted.high for line in found.lines
    )


def test_a_policy_that_promotes_too_much_is_found_out(recorded, monkeypatch):
    """The self-test can fail: a gate that looks at the average alone does not keep alpha."""
    from evals import simulated_gates

    def plain_threshold(tested, alpha):
        return tested.contributions.value > tested.clause.threshold

    monkeypatch.setattr(simulated_gates._Tested, "holds", plain_threshold)
    found = run_selftest(POLICY, *recorded, trials=60, seed=1)
    assert not found.keeps_alpha
    assert found.verdict.alpha_kept is False
    assert found.verdict.worst.low > 0.05
    assert found.verdict.sentence.startswith("ALPHA IS NOT KEPT")


def test_the_best_of_several_planted_candidates_is_corrected_for(recorded):
    found = run_selftest(POLICY, *recorded, trials=40, seed=2, candidates=3)
    assert found.keeps_alpha
    assert {line.candidates for line in found.lines} == {3}


def test_rules_that_recordings_cannot_exercise_are_named_not_skipped_in_silence():
    policy = GateConfig(
        comparisons=(
            Comparison(metric="micro_f1", margin=0.05),
            Comparison(metric="acc", margin=0.05, task="arc", references=("base",)),
            Comparison(metric="micro_f1", margin=0.05, references=("unquantized",)),
        ),
        ceilings=(Ceiling(measure="latency_p95_s", maximum=1),),
    )
    kept, left_out = exercisable(policy)
    assert [rule.metric for rule in kept.comparisons] == ["micro_f1"]
    assert left_out == (
        "comparison of acc (arc)", "comparison of micro_f1 (unquantized)",
        "ceiling on latency_p95_s",
    )  # fmt: skip
    with pytest.raises(EvidenceError, match="required comparison with baseline or champion"):
        exercisable(policy.model_copy(update={"comparisons": policy.comparisons[1:]}))


def test_critical_and_pooled_rules_are_left_out_and_named():
    critical = (CriticalLabel(field="problems", margin=0.08),)
    policy = POLICY.model_copy(update={"critical": critical, "guards": (PooledGuard(),)})
    kept, left_out = exercisable(policy)
    assert (kept.critical, kept.guards) == ((), ())
    assert left_out == ("recall of problems", "no-significant-drop over guard tasks")


def test_a_rule_on_stability_which_drawn_systems_cannot_show_is_left_out_and_named():
    policy = POLICY.model_copy(update={"stability": StabilityRule(max_changed_answers=0.1)})
    kept, left_out = exercisable(policy)
    assert kept.stability is None
    assert left_out == ("stability when asked again",)


def test_every_kind_of_loss_is_planted_or_said_not_to_be(recorded):
    found = run_selftest(POLICY, *recorded, trials=20, seed=1)
    kinds = {line.kind for line in found.lines}
    assert kinds == {"random documents", "largest documents", "bursts"}
    assert [text.split(":")[0] for text in found.not_planted] == [
        "micro_f1, one slice", "micro_f1, one class or field",
    ]  # fmt: skip
    assert "cannot be planted, because the task declares no slice" in found.not_planted[0]


def test_a_look_that_may_spend_less_is_held_to_less(recorded):
    look = Look(number=3, alpha=0.01, budgeted=True)
    found = run_selftest(POLICY, *recorded, trials=20, seed=1, look=look)
    assert {line.allowed for line in found.lines} == {0.01}
    assert found.verdict.worst.allowed == 0.01
