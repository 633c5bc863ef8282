"""Decisions made of checks that a test writes down, and evaluations that a report shows."""

import numpy as np
import pytest

from configs.gate_policy import Comparison, Floor, GateConfig
from evals.decision import CandidateResult, Check, Decision, Look

REASONS = {
    "promote": "holds",
    "reject": "fails",
    "inconclusive": "interval-covers-threshold",
}
POLICY = GateConfig(
    comparisons=(Comparison(metric="micro_f1", margin=0.05),),
    floors=(Floor(metric="valid_json", minimum=0.95),),
)


@pytest.fixture
def check_of():
    """A check of micro-F1 against the baseline with a margin of 5 points, unless told otherwise."""

    def make(outcome="promote", value=0.0, half_width=0.03, **changes):
        facts = {
            "kind": "non-inferiority", "metric": "micro_f1", "task": "clinical-notes",
            "reference": "baseline", "slice": None, "required": True, "threshold": -0.05,
            "value": value, "low": value - half_width, "high": value + half_width, "alpha": 0.05,
            "p_value": 0.0123, "method": "BCa bootstrap", "rows": 255, "clusters": 200,
            "outcome": outcome, "reason": REASONS[outcome], "further_documents": None,
        }  # fmt: skip
        return Check.model_validate({**facts, **changes})

    return make


@pytest.fixture
def decision_of():
    """A decision made of checks by candidate; the outcomes follow from the checks."""

    def make(checks, *, further_documents=None, policy=POLICY, look=None, evidence=None):
        results = []
        for candidate, own in checks.items():
            found = [check.outcome for check in own if check.required]
            outcome = next((o for o in ("reject", "inconclusive") if o in found), "promote")
            results.append(
                CandidateResult(
                    candidate=candidate,
                    outcome=outcome,
                    p_value=0.01,
                    alpha=0.05,
                    checks=tuple(own),
                )
            )
        promoted = next((r.candidate for r in results if r.outcome == "promote"), None)
        undecided = any(r.outcome == "inconclusive" for r in results)
        return Decision(
            outcome="promote" if promoted else "inconclusive" if undecided else "reject",
            promoted=promoted,
            reasons=("The gate's own sentence.",),
            further_documents=further_documents,
            results=tuple(results),
            policy=policy,
            look=look or Look(number=1, alpha=policy.alpha, budgeted=False),
            seed=1,
            evidence=evidence or {"awq": "sha256:" + "a" * 64},
        )

    return make


@pytest.fixture
def systems(evaluation_of):
    """Base, awq and baseline: 80 rows of 40 documents, 5 items each, one slice with a pipe."""
    gold = np.full(80, 5)
    slices = np.where(np.arange(80) % 4 == 0, "discharge", "ward | night")
    rng = np.random.default_rng(1)

    def make(name, share):
        missed = rng.binomial(gold, share)
        return evaluation_of(name, tp=gold - missed, fn=missed, rows_per_document=2, slices=slices)

    return {
        name: make(name, share) for name, share in (("base", 0.9), ("awq", 0.1), ("baseline", 0.05))
    }


@pytest.fixture
def report_of(tmp_path, systems, check_of, decision_of):
    """Write a report; returns its markdown and its HTML."""
    from evals.report.write import write_report

    def make(decision=None, evaluations=None, **changes):
        texts = {
            "sizes_bytes": {"base": 5_600_000, "awq": 1_900_000},
            "baseline_description": "recorded answers of a 70B model",
            "title": "demo",
            "description": "A small model.",
        }
        decision = decision or decision_of({"awq": [check_of()]})
        write_report(tmp_path, decision, evaluations or systems, **{**texts, **changes})
        return (tmp_path / "report.md").read_text(), (tmp_path / "report.html").read_text()

    return make
