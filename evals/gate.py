"""Turn evaluations into promote, reject or inconclusive.

Does: non-inferiority against every reference and floors on the candidate alone; a candidate passes
only if every check holds, so its checks need no correction; alpha is divided by the number of
candidates (Bonferroni), because the first that passes is promoted.
Does not: look at data twice, or break ties by score.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.decision import CandidateResult, Check, Decision, Outcome
from evals.evaluation import Evaluation
from evals.stats import Estimate, paired_difference, share_estimate

POWER = 0.8
"""Chance with which the further documents asked for should settle a check."""


def outcome_of_bounds(low: float, high: float, threshold: float) -> Outcome:
    """promote when all of the interval is above the threshold, reject when all is below it."""
    if low > threshold:
        return "promote"
    return "reject" if high < threshold else "inconclusive"


def outcome_of_checks(outcomes: Sequence[Outcome]) -> Outcome:
    """One reject rejects; all must promote to promote."""
    if "reject" in outcomes:
        return "reject"
    return "promote" if all(outcome == "promote" for outcome in outcomes) else "inconclusive"


def further_documents(found: Estimate, threshold: float, alpha: float) -> int | None:
    """How many more documents would probably settle an inconclusive check.

    If the true effect is the one observed, the interval excludes the threshold with a chance of
    `POWER` once n * (half-width / distance to the threshold)^2 * ((z_alpha + z_power) / z_alpha)^2
    documents are there, because half-widths shrink with the square root of their number n.

    Args:
        alpha: one-sided error rate of the bounds.
    Returns:
        None when the effect lies on the threshold, so that no number would settle it.
    """
    distance = found.value - threshold
    if math.isclose(distance, 0.0, abs_tol=1e-9):
        return None
    half_width = found.value - found.low if distance > 0 else found.high - found.value
    quantile = NormalDist().inv_cdf
    power_factor = 1 + quantile(POWER) / quantile(1 - alpha)
    needed = found.clusters * (half_width / distance * power_factor) ** 2
    if not math.isfinite(needed):
        return None
    return max(1, math.ceil(needed) - found.clusters)


def _check(
    kind: str,
    metric: str,
    reference: str | None,
    threshold: float,
    found: Estimate,
    alpha: float,
    min_clusters: int,
) -> Check:
    outcome = outcome_of_bounds(found.low, found.high, threshold)
    missing = None
    if outcome == "inconclusive":
        missing = further_documents(found, threshold, alpha)
    if found.clusters < min_clusters:
        outcome, missing = "inconclusive", max(missing or 0, min_clusters - found.clusters)
    return Check.model_validate(
        {
            "kind": kind,
            "metric": metric,
            "reference": reference,
            "threshold": threshold,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "alpha": alpha,
            "rows": found.rows,
            "clusters": found.clusters,
            "outcome": outcome,
            "further_documents": missing,
        }
    )


def check_candidate(
    policy: GateConfig,
    candidate: Evaluation,
    references: Mapping[str, Evaluation],
    alpha: float,
    seed: int,
) -> tuple[Check, ...]:
    """All checks of one candidate at one-sided level `alpha`."""
    checks = [
        _check(
            "non-inferiority",
            rule.metric,
            name,
            -rule.margin,
            paired_difference(
                candidate,
                reference,
                rule.metric,
                alpha=alpha,
                resamples=policy.resamples,
                seed=seed,
            ),
            alpha,
            policy.min_clusters,
        )
        for name, reference in references.items()
        for rule in policy.non_inferiority
    ]
    checks += [
        _check(
            "floor",
            rule.metric,
            None,
            rule.minimum,
            share_estimate(candidate, rule.metric, alpha),
            alpha,
            policy.min_clusters,
        )
        for rule in policy.floors
    ]
    return tuple(checks)


def decide(
    policy: GateConfig,
    candidates: Mapping[str, Evaluation],
    references: Mapping[str, Evaluation],
    *,
    seed: int,
    evidence: Mapping[str, str],
) -> Decision:
    """Decide which candidate, if any, may replace the champion.

    Args:
        candidates: most wanted first; the first whose checks all hold is promoted.
        references: what none of them may be worse than: `baseline`, and `champion` if there is one.
        seed: of the bootstrap.
        evidence: digest of every evaluation, by system.
    Raises:
        EvidenceError: when there is nothing to compare, an evaluation has no digest, or
            evaluations are not of the same rows.
    """
    if not candidates or not references:
        raise EvidenceError(
            "gate",
            "expected at least one candidate and one reference, got "
            f"{len(candidates)} and {len(references)}",
            "Evaluate both first.",
        )
    undigested = sorted({*candidates, *references} - set(evidence))
    if undigested:
        raise EvidenceError(
            "gate", f"expected a digest of every evaluation, got none of {undigested}",
            "Pass their digests as evidence.",
        )  # fmt: skip
    alpha = policy.alpha / len(candidates)
    results = []
    for name, candidate in candidates.items():
        checks = check_candidate(policy, candidate, references, alpha, seed)
        outcome = outcome_of_checks([check.outcome for check in checks])
        results.append(CandidateResult(candidate=name, outcome=outcome, checks=checks))
    promoted = next((r.candidate for r in results if r.outcome == "promote"), None)
    outcomes = {result.outcome for result in results}
    overall: Outcome = "inconclusive" if "inconclusive" in outcomes else "reject"
    return Decision(
        outcome="promote" if promoted else overall,
        promoted=promoted,
        results=tuple(results),
        policy=policy,
        seed=seed,
        evidence=dict(evidence),
        reasons=_reasons(policy, results, promoted, alpha),
    )


def _reasons(
    policy: GateConfig, results: Sequence[CandidateResult], promoted: str | None, alpha: float
) -> tuple[str, ...]:
    reasons = [
        _sentence(result.candidate, check, policy.min_clusters)
        for result in results
        for check in result.checks
    ]
    if len(results) > 1:
        reasons.append(
            f"{len(results)} candidates may be promoted, so each is tested at one-sided alpha "
            f"{policy.alpha:g} / {len(results)} = {alpha:.4g}."
        )
    if promoted:
        reasons.insert(0, f"{promoted} is the most wanted candidate whose checks all hold.")
    else:
        reasons.insert(0, "No candidate passed every check, so nothing is promoted.")
    return tuple(reasons)


def _sentence(candidate: str, check: Check, min_clusters: int) -> str:
    n = f"n = {check.rows} rows of {check.clusters} documents"
    interval = f"{check.value:+.4f}, bounds {check.low:+.4f} to {check.high:+.4f}"
    if check.kind == "floor":
        interval = f"{check.value:.4f}, bounds {check.low:.4f} to {check.high:.4f}"
        subject = f"{candidate}: {check.metric} is {interval} ({n})"
        rule = f"minimum {check.threshold:g}"
    else:
        subject = f"{candidate}: {check.metric} against {check.reference} is {interval} ({n})"
        rule = f"margin {-check.threshold:g}"
    verdict = {
        "promote": f"holds at {rule}",
        "reject": f"fails at {rule}",
        "inconclusive": f"cannot be told at {rule}",
    }[check.outcome]
    if check.clusters < min_clusters:
        verdict = f"cannot be told from fewer than {min_clusters} documents"
    more = (
        f"; about {check.further_documents} more documents would probably settle it"
        if check.further_documents
        else ""
    )
    return f"{subject}: {verdict}{more}."
