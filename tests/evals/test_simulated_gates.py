import dataclasses

import numpy as np
import pytest

from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import Sequential
from evals.decision import Look
from evals.evidence import Evidence
from evals.gate import decide
from evals.planted_losses import plant
from evals.simulated_gates import GateOnArrays

FULL = Comparison(metric="micro_f1", margin=0.05, references=("baseline",))
SHARE = Comparison(metric="exact_match", margin=0.12, references=("baseline",))
POLICIES = {
    "one ratio": GateConfig(comparisons=(FULL,)),
    "rows right or wrong": GateConfig(comparisons=(SHARE,)),
    "several clauses and a slice": GateConfig(
        comparisons=(FULL, SHARE),
        floors=(
            Floor(metric="valid_json", minimum=0.85),
            Floor(metric="micro_f1", minimum=0.82, slice="note_type"),
        ),
    ),
    "equivalence": GateConfig(comparisons=(FULL.model_copy(update={"test": "equivalence"}),)),
    "holm": GateConfig(comparisons=(FULL,), correction="holm"),
    "bonferroni": GateConfig(comparisons=(FULL,), correction="bonferroni"),
    "sequential": GateConfig(
        comparisons=(FULL,), floors=(Floor(metric="valid_json", minimum=0.85),),
        sequential=Sequential(batch_documents=10),
    ),
    "sequential betting": GateConfig(
        comparisons=(SHARE,), sequential=Sequential(batch_documents=10, method="betting")
    ),
    "too few documents": GateConfig(comparisons=(FULL,), min_clusters=120),
}  # fmt: skip


@pytest.fixture(params=[1, 2])
def recorded(request, evaluation_of):
    """Two systems on 100 documents, of one row each or of two."""
    rng = np.random.default_rng(7)
    made = []
    rows = 100 * request.param
    for name in ("candidate", "baseline"):
        missed = np.where(rng.random(rows) < 0.2, rng.integers(1, 4, size=rows), 0)
        made.append(
            evaluation_of(
                name,
                tp=5 - missed,
                fn=missed,
                fp=rng.poisson(0.3, rows),
                valid=rng.random(rows) < 0.95,
                exact=missed == 0,
                rows_per_document=request.param,
                slices=["short" if n % 3 else "long" for n in range(rows)],
            )
        )
    return made


def as_evaluation(answers, planted):
    """The drawn documents as frames, as the gate itself takes them."""
    import pandas as pd

    versions = planted.recorded.versions
    keys = planted.recorded.keys
    by_document = [dict(tuple(e.frame.groupby("cluster"))) for e in versions]
    parts = []
    for number, (version, document) in enumerate(
        zip(answers.versions, answers.documents, strict=True)
    ):
        rows = by_document[version][keys[document]].copy()
        rows["cluster"] = str(number)
        rows["id"] = [f"{number}/{row}" for row in range(len(rows))]
        parts.append(rows)
    return dataclasses.replace(versions[1], frame=pd.concat(parts, ignore_index=True))


@pytest.mark.parametrize("candidates", [1, 3])
@pytest.mark.parametrize("name", POLICIES)
def test_a_simulated_gate_promotes_exactly_what_the_gate_promotes(recorded, name, candidates):
    policy = POLICIES[name]
    metric = recorded[0].metric(policy.comparisons[0].metric)
    planted = plant("random documents", *recorded, metric, 0.01)
    look = Look(number=2, alpha=0.04, budgeted=True)
    clauses = tuple(planted.recorded.clauses(policy, ("baseline",)))
    rng = np.random.default_rng(3)
    outcomes = []
    for seed in range(6):
        drawn = planted.draw(rng, candidates)
        simulated = GateOnArrays(policy, clauses, look, seed=seed).run(drawn)
        systems = {"baseline": as_evaluation(drawn.pairs[0][0][1], planted)}
        systems |= {f"c{n}": as_evaluation(a, planted) for n, a in enumerate(drawn.alone)}
        names = [system for system in systems if system != "baseline"]
        evidence = Evidence(systems, dict.fromkeys(systems, "drawn"))
        if policy.sequential is None or candidates == 1:
            decision = decide(policy, names, evidence, seed=seed, look=look)
            assert simulated.promoted == (decision.outcome == "promote")
            if candidates == 1 and policy.sequential is None:
                held = [check.outcome == "promote" for check in decision.results[0].checks]
                assert list(simulated.held) == held
        outcomes.append(simulated.promoted)
    if name == "too few documents":
        assert not any(outcomes)
