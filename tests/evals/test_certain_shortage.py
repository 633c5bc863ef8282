import pandas as pd
import pytest

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from evals.certain_shortage import require_possible
from evals.evaluation import Evaluation
from evals.metric import count_metrics, mean_metric

POLICY = GateConfig(comparisons=(Comparison(metric="micro_f1.drug", margin=0.05),))


def evaluation(documents, *, with_drug, rows=None):
    rows = rows or [1] * documents
    cluster = [f"d{n}" for n, count in enumerate(rows) for _ in range(count)]
    frame = pd.DataFrame({"id": [str(n) for n in range(len(cluster))], "cluster": cluster})
    carries = frame["cluster"].isin([f"d{n}" for n in range(with_drug)]).astype(float)
    frame["tp.drug"], frame["fp.drug"], frame["fn.drug"] = carries, 0.0, 0.0
    frame["valid"] = 1.0
    frame["slice.long"] = ["yes" if int(c[1:]) < 40 else "no" for c in cluster]
    metrics = (*count_metrics(".drug"), mean_metric("valid", binary=True))
    return Evaluation("baseline", "engine", "task", "digest", metrics, frame)


def refusal(policy, baseline, alpha=0.05):
    with pytest.raises(EvidenceError) as refused:
        require_possible(policy, baseline, alpha, "test set")
    return str(refused.value)


def test_enough_documents_pass():
    require_possible(POLICY, evaluation(100, with_drug=30), 0.05, "test set")


def test_fewer_documents_than_the_policy_asks_for_are_refused():
    assert "got 29: gate.min_clusters asks for 30" in refusal(POLICY, evaluation(29, with_drug=29))


def test_a_field_that_few_documents_carry_is_refused():
    said = refusal(POLICY, evaluation(200, with_drug=10))
    assert "micro_f1.drug has something to count in 10 documents" in said


def test_a_minimum_that_perfect_answers_could_not_show_is_refused_with_every_other_problem():
    floors = (
        Floor(metric="valid", minimum=0.95),
        Floor(metric="valid", minimum=0.95, slice="long"),
    )
    policy = POLICY.model_copy(update={"floors": floors})
    require_possible(
        policy.model_copy(update={"floors": floors[:1]}), evaluation(100, with_drug=40), 0.05, "x"
    )
    said = refusal(policy, evaluation(100, with_drug=10))
    assert "valid where long = yes has a lower bound of 0.928 even if all of 40" in said
    assert "micro_f1.drug" in said
    assert "long = no" not in said


def test_one_document_that_holds_most_rows_is_refused_for_a_high_minimum():
    policy = POLICY.model_copy(update={"floors": (Floor(metric="valid", minimum=0.9),)})
    uneven = evaluation(100, with_drug=100, rows=[60, *[1] * 99])
    assert "even if all of 100 documents are right" in refusal(policy, uneven)
