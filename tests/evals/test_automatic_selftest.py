import dataclasses

import pytest

from configs.gate_policy import Comparison, GateConfig
from evals.automatic_selftest import FEWEST_GATES, MOST_GATES, automatic_selftest, gates_for

MICRO_F1 = Comparison(metric="micro_f1", margin=0.1)
POLICY = GateConfig(comparisons=(MICRO_F1,))


@pytest.fixture
def tested(monkeypatch):
    """Few gates: how the error rate comes out is the matter of other tests."""
    monkeypatch.setattr("evals.automatic_selftest.FEWEST_GATES", 20)
    monkeypatch.setattr("evals.automatic_selftest.WORK", 1)

    def run(policy, candidate, baseline):
        return automatic_selftest(policy, candidate, baseline, candidates=1, look=None, seed=1)

    return run


def test_gates_become_fewer_as_documents_become_many():
    few, many = (gates_for(POLICY, documents, 1) for documents in (100, 100_000))
    assert (few, many) == (MOST_GATES, FEWEST_GATES)
    assert gates_for(POLICY, 1000, 3) < gates_for(POLICY, 1000, 1)


def test_a_candidate_that_was_asked_some_rows_is_tested_on_those(tested, evaluation_of):
    both = [
        evaluation_of(name, tp=[4, 5] * 40, fn=[1, 0] * 40) for name in ("candidate", "baseline")
    ]
    stopped = dataclasses.replace(both[0], frame=both[0].frame.iloc[10:50])
    verdict, sentence = tested(POLICY, stopped, both[1])
    assert verdict.documents == 40
    assert sentence == verdict.sentence


def test_without_a_rule_that_two_recordings_exercise_it_says_why(tested, evaluation_of):
    both = [evaluation_of(name, tp=[5] * 40) for name in ("candidate", "baseline")]
    later = GateConfig(comparisons=(MICRO_F1.model_copy(update={"references": ("base",)}),))
    verdict, sentence = tested(later, *both)
    assert verdict is None
    assert sentence.startswith("No self-test: ")
    assert "expected a required comparison with baseline or champion" in sentence


@pytest.mark.parametrize(
    "counts", [{"tp": [0] * 40, "fn": [5] * 40}, {"tp": [5] * 40, "fn": [0] * 40}]
)
def test_scores_at_either_end_stop_nothing(tested, evaluation_of, counts):
    both = [evaluation_of(name, **counts) for name in ("candidate", "baseline")]
    verdict, sentence = tested(POLICY, *both)
    assert sentence == verdict.sentence
    assert all(
        low <= rate <= high
        for low, rate, high in ((p.low, p.rate, p.high) for p in verdict.planted)
    )
