"""Turn evaluations into promote, reject or inconclusive.

Does: apply every rule of a policy to every candidate; a candidate passes only if all its required
checks hold, so they need no correction (intersection-union test, Berger 1982); alpha is kept over
candidates by Holm or Bonferroni, because the first that passes is promoted.
Does not: look at data twice, or break ties by score.
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.checks import Level, check_ceiling, check_comparison, check_floor, outcome_of_all
from evals.critical_checks import check_critical
from evals.decision import METHOD, CandidateResult, Check, Decision, Look, Outcome
from evals.evaluation_problems import refuse_problems
from evals.evidence import Evidence
from evals.pooled_checks import pooled_checks
from evals.readability import require_read_alike, warnings_of, without_unreadable_references
from evals.reasons import explain
from evals.selftest_verdict import SelfTestVerdict, with_self_test
from evals.sequential_checks import sequential_checks
from evals.siblings import correlation_of
from evals.stability_check import check_stability
from evals.stats.max_t import step_down_levels
from evals.stats.multiplicity import holm_levels


def check_candidate(
    policy: GateConfig, candidate: str, evidence: Evidence, level: Level
) -> tuple[Check, ...]:
    """All checks of one candidate at one level.

    Raises:
        EvidenceError: when there is nothing to compare it with, or evaluations do not pair.
    """
    checks: list[Check] = []
    fixed = policy
    if policy.sequential is not None:
        checks += sequential_checks(policy, candidate, evidence, level)
        # Guard tasks are small and asked in full.
        fixed = policy.model_copy(
            update={
                "comparisons": tuple(rule for rule in policy.comparisons if rule.task),
                "floors": tuple(rule for rule in policy.floors if rule.task),
            }
        )
    for comparison in fixed.comparisons:
        checks += check_comparison(comparison, candidate, evidence, policy, level)
    for floor in fixed.floors:
        checks += check_floor(floor, candidate, evidence, policy, level)
    for ceiling in fixed.ceilings:
        checks += check_ceiling(ceiling, candidate, evidence, policy, level)
    for label in fixed.critical:
        checks += check_critical(label, candidate, evidence, policy, level)
    checks += check_stability(policy.stability, candidate, evidence, policy, level)
    if not any(check.reference and check.required for check in checks):
        raise EvidenceError(
            f"gate: {candidate}",
            "expected at least one reference to compare it with, got none",
            "Add the baseline to the references of a required comparison.",
        )
    checks += pooled_checks(policy, candidate, evidence, level)
    return without_unreadable_references(policy, checks, evidence)


def _p_value(checks: Sequence[Check], level: Level) -> float:
    """Of the hypothesis that some required rule is broken, on the scale of the policy's alpha."""
    return max(min(1.0, c.p_broken * level.alpha / c.alpha) for c in checks if c.required)


def strictest_level(policy: GateConfig, candidates: int, alpha: float, seed: int) -> Level:
    """The level that keeps alpha over so many candidates whatever the others do (Bonferroni)."""
    return Level(alpha / candidates, seed, alpha / policy.alpha / candidates)


Tested = tuple[Level, tuple[Check, ...]]


def _tested(
    policy: GateConfig, candidates: Sequence[str], evidence: Evidence, alpha: float, seed: int
) -> dict[str, Tested]:
    """Level and checks of each candidate, so that alpha holds over all of them."""
    strictest = strictest_level(policy, len(candidates), alpha, seed)
    tested = {
        name: (strictest, check_candidate(policy, name, evidence, strictest)) for name in candidates
    }
    # Levels that follow from p-values need complete evaluations, which sequential mode does not have.
    if policy.correction == "bonferroni" or policy.sequential or len(candidates) == 1:
        return tested
    p_values = {name: _p_value(checks, level) for name, (level, checks) in tested.items()}
    if policy.correction == "holm":
        levels = holm_levels(p_values, alpha)
    else:
        correlation = correlation_of(policy, candidates, evidence, alpha)
        levels = step_down_levels(p_values, alpha, correlation)
    for name, own in levels.items():
        if own != strictest.alpha:
            level = Level(own, seed, own / policy.alpha)
            tested[name] = (level, check_candidate(policy, name, evidence, level))
    return tested


def require_decidable(candidates: Sequence[str], evidence: Evidence) -> None:
    """Refuse evidence that no policy could decide on.

    Raises:
        EvidenceError: when there is no candidate, rows of an evaluation are unsound, or systems were
            read differently.
    """
    if not candidates:
        raise EvidenceError("gate", "expected at least one candidate, got none", "Name one.")
    refuse_problems(evidence.everything)
    require_read_alike(evidence, candidates)


def decide(
    policy: GateConfig,
    candidates: Sequence[str],
    evidence: Evidence,
    *,
    seed: int,
    look: Look | None = None,
    self_test: SelfTestVerdict | None = None,
) -> Decision:
    """Decide which candidate, if any, may replace the champion.

    Args:
        candidates: systems of the evidence, most wanted first; the first that passes is promoted.
        seed: of the order of documents in sequential mode.
        look: which decision on this test set it is, and what it may spend. None: an uncounted one,
            with all of the policy's alpha, which says so.
        self_test: what the policy did with planted losses; it is said and changes no outcome.
    Raises:
        EvidenceError: when there is nothing to compare, evaluations are not of the same rows, or
            rows of one are unsound.
    """
    require_decidable(candidates, evidence)
    look = look or Look(number=1, alpha=policy.alpha, budgeted=False, counted=False)
    results = []
    for name, (level, checks) in _tested(policy, candidates, evidence, look.alpha, seed).items():
        outcome = outcome_of_all([check.outcome for check in checks if check.required])
        results.append(
            CandidateResult(
                candidate=name,
                outcome=outcome,
                p_value=_p_value(checks, level),
                alpha=level.alpha,
                checks=checks,
            )
        )
    promoted = next((r.candidate for r in results if r.outcome == "promote"), None)
    open_results = [r for r in results if r.outcome == "inconclusive"]
    undecided: Outcome = "inconclusive" if open_results else "reject"
    verdict, *sentences = explain(policy, results, promoted, look)
    return Decision(
        method=METHOD,
        outcome="promote" if promoted else undecided,
        promoted=promoted,
        reasons=with_self_test(
            (verdict, *warnings_of(policy, evidence.evaluations), *sentences), self_test
        ),
        self_test=self_test,
        further_documents=None if promoted or not open_results else _missing(open_results[0]),
        results=tuple(results),
        policy=policy,
        look=look,
        seed=seed,
        evidence=dict(evidence.digests),
    )


def _missing(result: CandidateResult) -> int | None:
    # Asking more rows again, rather than more documents, settles stability.
    missing = [
        c.further_documents
        for c in result.checks
        if c.outcome == "inconclusive" and c.required and c.kind != "stability"
    ]
    known = [number for number in missing if number is not None]
    return max(known, default=None) if len(known) == len(missing) else None
