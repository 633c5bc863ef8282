import dataclasses

import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import Sequential
from evals.checks import Level
from evals.evidence import Evidence
from evals.gate import decide
from evals.sequential_checks import SequentialGate, sequential_checks
from evals.sequential_evaluation import batches_of, document_order
from evals.sequential_plot import write_sequence_plot

POLICY = GateConfig(
    comparisons=(Comparison(metric="micro_f1", margin=0.1),),
    floors=(Floor(metric="valid_json", minimum=0.8),),
    sequential=Sequential(batch_documents=20, documents_before_stopping=40),
)
LEVEL = Level(alpha=0.05, seed=7)


@pytest.fixture
def system(evaluation_of):
    def make(name, missing_share=0.0, documents=400, seed=1):
        rng = np.random.default_rng(seed)
        missed = np.where(rng.random(documents) < missing_share, 3, 0)
        return evaluation_of(name, tp=5 - missed, fn=missed)

    return make


def evidence(**evaluations):
    named = {e.system: e for e in evaluations.values()}
    return Evidence(named, dict.fromkeys(named, "sha256:x"))


def test_a_clear_case_is_settled_early_and_an_unclear_one_takes_every_document(system):
    clear = evidence(ours=system("awq", 0.1), base=system("baseline", 0.4, seed=2))
    [comparison, floor] = sequential_checks(POLICY, "awq", clear, LEVEL)
    assert (comparison.outcome, floor.outcome) == ("promote", "promote")
    assert comparison.clusters <= 200
    unclear = evidence(ours=system("awq", 0.38), base=system("baseline", 0.1, seed=2))
    checks = sequential_checks(POLICY, "awq", unclear, LEVEL)
    assert checks[0].clusters == 400
    assert checks[0].outcome == "inconclusive"


def test_a_clear_regression_is_rejected_early(system):
    bad = evidence(ours=system("awq", 0.9), base=system("baseline", 0.0))
    decision = decide(POLICY, ["awq"], bad, seed=7)
    assert decision.outcome == "reject"
    assert decision.results[0].checks[0].clusters <= 100


def test_nothing_is_settled_before_the_first_documents(system):
    clear = evidence(ours=system("awq"), base=system("baseline", 0.9))
    checks = sequential_checks(POLICY, "awq", clear, LEVEL)
    assert min(check.clusters for check in checks) >= 40


def test_rows_of_whole_batches_decide_the_same_as_when_they_were_asked(system):
    ours, base = system("awq", 0.1), system("baseline", 0.4, seed=2)
    complete = sequential_checks(POLICY, "awq", evidence(ours=ours, base=base), LEVEL)
    gate = SequentialGate(POLICY, "awq", evidence(base=base), LEVEL, base)
    for batch in gate.batches:
        frame = ours.frame[ours.frame["cluster"].isin(batch)]
        gate.update(dataclasses.replace(ours, frame=frame))
        if gate.settled:
            break
    assert gate.checks() == complete
    asked = [document for batch in gate.batches[: gate.documents // 20] for document in batch]
    part = dataclasses.replace(ours, frame=ours.frame[ours.frame["cluster"].isin(asked)])
    assert sequential_checks(POLICY, "awq", evidence(ours=part, base=base), LEVEL) == complete


def test_rows_out_of_order_are_refused(system):
    ours, base = system("awq", 0.1), system("baseline", 0.4, seed=2)
    last = batches_of(ours.frame["cluster"], 20, 7)[-1]
    part = dataclasses.replace(ours, frame=ours.frame[ours.frame["cluster"].isin(last)])
    with pytest.raises(EvidenceError, match="expected the documents of batch 1, got others"):
        sequential_checks(POLICY, "awq", evidence(ours=part, base=base), LEVEL)


def test_the_order_depends_on_the_seed_alone():
    documents = [f"d{i}" for i in range(50)]
    assert document_order(documents, 3) == document_order(reversed(documents), 3)
    assert document_order(documents, 3) != document_order(documents, 4)
    assert sorted(document_order(documents, 3)) == sorted(documents)


def test_the_plot_shows_every_rule(system, tmp_path):
    gate = SequentialGate(POLICY, "awq", evidence(b=system("baseline")), LEVEL, system("baseline"))
    ours = system("awq", 0.1)
    gate.replay(
        dataclasses.replace(ours, frame=ours.frame[ours.frame["cluster"].isin(batch)])
        for batch in gate.batches[:3]
    )
    write_sequence_plot(tmp_path / "sequence.png", gate)
    assert (tmp_path / "sequence.png").stat().st_size > 5000
    assert [clause.name for clause in gate.clauses] == [
        "micro_f1 against baseline", "valid_json, minimum"]  # fmt: skip
