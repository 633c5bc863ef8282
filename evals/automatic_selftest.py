"""The self-test that runs by itself before a decision, short enough that nobody waits for it.

Does: test the policy on the rows that were asked, in at most about a minute, or say why it cannot.
Does not: plant or decide (evals/selftest.py).
"""

from __future__ import annotations

import dataclasses

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.decision import Look
from evals.evaluation import Evaluation
from evals.selftest import exercisable, run_selftest
from evals.selftest_verdict import SelfTestVerdict

WORK = 1_200_000
"""Gates x candidates x clauses x looks x (documents + `FIXED_WORK`) per line. It takes some ten seconds
on one core with eight lines."""
FIXED_WORK = 600
FEWEST_GATES, MOST_GATES = 60, 400


def gates_for(policy: GateConfig, documents: int, candidates: int) -> int:
    """Gates per line of a self-test that nobody waits for: fewer where documents are many."""
    clauses = len([r for r in policy.comparisons if r.required and r.task is None])
    clauses += len([r for r in policy.floors if r.required and r.task is None])
    looks = policy.sequential.looks if policy.sequential else 1
    work = candidates * max(1, clauses) * looks * (documents + FIXED_WORK)
    return max(FEWEST_GATES, min(MOST_GATES, round(WORK / work)))


def automatic_selftest(
    policy: GateConfig,
    candidate: Evaluation,
    baseline: Evaluation,
    *,
    candidates: int,
    look: Look | None,
    seed: int,
) -> tuple[SelfTestVerdict | None, str]:
    """What the policy does with losses planted in these scores, and the same in a sentence.

    Args:
        candidate: where it was asked only some of the baseline's rows, those are tested.
        candidates: how many may be promoted.
        look: what the decision may spend; all of the policy's alpha if None.
    Returns:
        no verdict, and the reason, where no rule of the policy can be exercised by two recordings.
    Raises:
        EvidenceError: when the recordings do not pair.
    """
    try:
        exercisable(policy)
    except EvidenceError as nothing:
        return None, f"No self-test: {nothing}"
    asked = baseline.frame[baseline.frame["id"].isin(candidate.frame["id"])]
    verdict = run_selftest(
        policy,
        candidate,
        dataclasses.replace(baseline, frame=asked.reset_index(drop=True)),
        trials=gates_for(policy, baseline.clusters, candidates),
        seed=seed,
        candidates=candidates,
        look=look,
    ).verdict
    return verdict, verdict.sentence
