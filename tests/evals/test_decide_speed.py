import time

import numpy as np

from configs.gate_policy import Comparison, Floor, GateConfig
from evals.evidence import Evidence
from evals.gate import decide


def test_a_hundred_thousand_rows_are_decided_in_seconds(evaluation_of):
    rng = np.random.default_rng(1)
    named = {}
    for name in ("awq", "baseline"):
        missed = rng.binomial(5, 0.1, 100_000)
        named[name] = evaluation_of(
            name, tp=5 - missed, fn=missed, fp=rng.poisson(0.2, 100_000), valid=rng.random(100_000) < 0.99
        )  # fmt: skip
    policy = GateConfig(
        comparisons=(Comparison(metric="micro_f1", margin=0.02),),
        floors=(Floor(metric="micro_f1", minimum=0.8),),
    )
    evidence = Evidence(named, dict.fromkeys(named, "sha256:x"))
    decide(policy, ["awq"], evidence, seed=1)  # imports numpy, pandas and scipy
    start = time.perf_counter()
    decision = decide(policy, ["awq"], evidence, seed=1)
    seconds = time.perf_counter() - start
    print(f"decided on 100,000 rows in {seconds:.2f} s")
    assert decision.outcome == "promote"
    assert {check.rows for check in decision.results[0].checks} == {100_000}
    assert seconds < 3
