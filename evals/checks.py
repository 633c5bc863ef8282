"""Apply one rule of a policy to one candidate.

Does: comparisons, floors and ceilings on the full set of documents. Does not: correct for several
candidates (evals/gate.py), or stop early (evals/sequential_checks.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from statistics import NormalDist

from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig
from evals.decision import Check, Outcome, Reason
from evals.evaluation import Evaluation
from evals.evidence import Evidence, slices_of
from evals.rectified_checks import (
    JUDGE_ALONE,
    difference_rectified_by_people,
    is_judged,
    mean_rectified_by_people,
)
from evals.running_costs import cost_per_1k_documents, latency_p95
from evals.stats.equivalence import tost
from evals.stats.one_sample import Bounded, Interval, bounded_metric
from evals.stats.paired import PairedDifference, paired_difference

POWER = 0.8
"""Chance with which the further documents asked for should settle a check."""

UNQUANTIZED = "fine-tuned"


@dataclass(frozen=True)
class Level:
    """How strictly and how reproducibly a candidate is tested."""

    alpha: float
    """One-sided level of every rule that sets none of its own."""
    seed: int
    """Of the bootstrap."""
    share: float = 1.0
    """What the rule's own alpha is multiplied by: the correction for candidates and for looks."""

    def of(self, own: float | None) -> float:
        """One-sided level of a rule with this alpha of its own."""
        return self.alpha if own is None else own * self.share


def outcome_of_bounds(low: float, high: float, threshold: float) -> Outcome:
    """promote when all of the interval is above the threshold, reject when all is below it."""
    if low > threshold:
        return "promote"
    return "reject" if high < threshold else "inconclusive"


def further_documents(found: Interval, threshold: float, alpha: float) -> int | None:
    """How many more documents would probably settle an inconclusive check.

    If the true effect is the one observed, the interval excludes the threshold with a chance of
    `POWER` once n * (half-width / distance to the threshold)^2 * ((z_alpha + z_power) / z_alpha)^2
    documents are there, because half-widths shrink with the square root of their number n (Chow,
    Shao and Wang, Sample Size Calculations in Clinical Research, 2008, chapter 3).

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


REASONS: dict[Outcome, Reason] = {
    "promote": "holds",
    "reject": "fails",
    "inconclusive": "interval-covers-threshold",
}


def settled(
    rule: Comparison | Floor | Ceiling,
    *,
    kind: str,
    metric: str,
    task: str,
    threshold: float,
    outcome: Outcome,
    p_value: float,
    found: Interval,
    alpha: float,
    min_clusters: int,
    reference: str | None = None,
    slice_value: str | None = None,
) -> Check:
    """The record of one rule, inconclusive when there are too few documents to say anything."""
    missing, reason = None, REASONS[outcome]
    if outcome == "inconclusive":
        missing = further_documents(found, threshold, alpha)
    if found.clusters < min_clusters:
        outcome, p_value, reason = "inconclusive", 1.0, "too-few-documents"
        missing = max(missing or 0, min_clusters - found.clusters)
    return Check.model_validate(
        {
            "kind": kind,
            "metric": metric,
            "task": task,
            "reference": reference,
            "slice": slice_value,
            "required": rule.required,
            "threshold": threshold,
            "value": found.value,
            "low": found.low,
            "high": found.high,
            "alpha": alpha,
            "p_value": p_value,
            "method": found.method,
            "rows": found.rows,
            "clusters": found.clusters,
            "outcome": outcome,
            "reason": reason,
            "further_documents": missing,
        }
    )


def references_of(
    rule: Comparison, candidate: str, evidence: Evidence
) -> Iterator[tuple[str, str]]:
    """What a candidate is compared with under a rule: name of the reference and of the system.

    Left out: a champion that does not exist, and the unquantized sibling of a candidate that is it.
    """
    for reference in rule.references:
        system = UNQUANTIZED if reference == "unquantized" else reference
        if system == candidate:
            continue
        if reference == "champion" and "champion" not in evidence.evaluations:
            continue
        yield reference, system


def check_comparison(
    rule: Comparison, candidate: str, evidence: Evidence, policy: GateConfig, level: Level
) -> Iterator[Check]:
    """One check per reference."""
    alpha = level.of(rule.alpha)
    ours = evidence.of(candidate, rule.task)
    for reference, system in references_of(rule, candidate, evidence):
        found = _difference(ours, evidence.of(system, rule.task), rule.metric, alpha, policy, level)
        outcome = outcome_of_bounds(found.low, found.high, -rule.margin)
        p_value = found.p_worse_than(rule.margin)
        if rule.test == "equivalence":
            above = outcome_of_bounds(-found.high, -found.low, -rule.margin)
            outcome = outcome_of_all([outcome, above])
            p_value = tost(found, rule.margin, alpha).p_value
        yield settled(
            rule,
            kind=rule.test,
            metric=rule.metric,
            task=ours.task,
            threshold=-rule.margin,
            outcome=outcome,
            p_value=p_value,
            found=found,
            alpha=alpha,
            min_clusters=policy.min_clusters,
            reference=reference,
        )


def check_floor(
    rule: Floor, candidate: str, evidence: Evidence, policy: GateConfig, level: Level
) -> Iterator[Check]:
    """One check, or one per value of the slice."""
    alpha = level.of(rule.alpha)
    whole = evidence.of(candidate, rule.task)
    parts = (
        [(None, whole)]
        if rule.slice is None
        else [(f"{rule.slice} = {value}", part) for value, part in slices_of(whole, rule.slice)]
    )
    for name, part in parts:
        found = _bounded(part, rule.metric, alpha, policy, level)
        yield settled(
            rule,
            kind="floor",
            metric=rule.metric,
            task=whole.task,
            threshold=rule.minimum,
            outcome=outcome_of_bounds(found.low, found.high, rule.minimum),
            p_value=found.p_at_most(rule.minimum),
            found=found,
            alpha=alpha,
            min_clusters=policy.min_clusters,
            slice_value=name,
        )


def _difference(
    ours: Evaluation,
    theirs: Evaluation,
    metric: str,
    alpha: float,
    policy: GateConfig,
    level: Level,
) -> PairedDifference:
    judged = is_judged(metric)
    if judged and (found := difference_rectified_by_people(ours, theirs, metric, alpha)):
        return found
    found = paired_difference(
        ours, theirs, metric, alpha=alpha, resamples=policy.resamples, seed=level.seed
    )
    return replace(found, method=JUDGE_ALONE + found.method) if judged else found


def _bounded(
    part: Evaluation, metric: str, alpha: float, policy: GateConfig, level: Level
) -> Bounded:
    judged = is_judged(metric)
    if judged and (found := mean_rectified_by_people(part, metric, alpha)):
        return found
    found = bounded_metric(part, metric, alpha=alpha, resamples=policy.resamples, seed=level.seed)
    return replace(found, method=JUDGE_ALONE + found.method) if judged else found


def check_ceiling(
    rule: Ceiling, candidate: str, evidence: Evidence, policy: GateConfig, level: Level
) -> Iterator[Check]:
    """One check of latency or cost."""
    alpha = level.of(rule.alpha)
    ours = evidence.of(candidate, None)
    if rule.measure == "latency_p95_s":
        found = latency_p95(ours, alpha)
    elif policy.prices is None:
        raise EvidenceError("gate", "expected prices for a ceiling on cost, got none", "Add them.")
    else:
        found = cost_per_1k_documents(ours, policy.prices, alpha)
    yield settled(
        rule,
        kind="ceiling",
        metric=rule.measure,
        task=ours.task,
        threshold=rule.maximum,
        outcome=outcome_of_bounds(-found.high, -found.low, -rule.maximum),
        p_value=found.p_at_least(rule.maximum),
        found=found,
        alpha=alpha,
        min_clusters=policy.min_clusters,
    )


def outcome_of_all(outcomes: list[Outcome]) -> Outcome:
    """One reject rejects; all must promote to promote."""
    if "reject" in outcomes:
        return "reject"
    return "promote" if all(outcome == "promote" for outcome in outcomes) else "inconclusive"
