import json

import numpy as np
import pytest

from configs.gate_policy import Comparison, GateConfig
from evals.decision import METHOD, Decision
from evals.evidence import Evidence
from evals.gate import decide


@pytest.fixture
def decision(evaluation_of):
    named = {name: evaluation_of(name, tp=np.full(100, 5)) for name in ("awq", "baseline")}
    policy = GateConfig(comparisons=(Comparison(metric="micro_f1", margin=0.05),))
    return decide(policy, ["awq"], Evidence(named, dict.fromkeys(named, "sha256:x")), seed=1)


def test_a_decision_names_the_statistics_that_made_it(decision):
    assert decision.method == METHOD
    assert json.loads(decision.canonical_json())["method"] == METHOD


def test_a_decision_stored_before_methods_were_named_is_read_as_of_the_first(decision):
    stored = json.loads(decision.canonical_json())
    del stored["method"]
    for result in stored["results"]:
        for check in result["checks"]:
            del check["carriers"]
    stored["policy"]["resamples"] = 2000
    stored["policy"]["correction"] = "holm"
    old = Decision.model_validate_json(json.dumps(stored))
    assert old.method == "2026.10" != METHOD
    assert old.results[0].checks[0].carriers is None
    assert (old.outcome, old.policy.correction) == ("promote", "holm")
    assert Decision.model_validate_json(old.canonical_json()) == old


def test_other_statistics_give_another_digest(decision):
    assert decision.model_copy(update={"method": "2026.10"}).digest != decision.digest
