"""Apply one rule of a policy to one candidate.

Does: comparisons, floors and ceilings on the full set of documents. Does not: correct for several
candidates (evals/gate.py), or stop early (evals/sequential_checks.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

from configs.errors import EvidenceError
from configs.gate_policy import Ceiling, Comparison, Floor, GateConfig
from evals.decision import Check, Outcome, Reason
from evals.documents_needed import further_documents
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
from evals.stats.paired import Law, PairedDifference, ScalableLaw, paired_difference

UNQUANTIZED = "fine-tuned"


@dataclass(frozen=True)
class Level:
    """How strictly a candidate is tested."""

    alpha: float
    """One-sided level of every rule that sets none of its own."""
    seed: int
    """Of the order of documents in sequential mode."""
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
    law: Law | None = None,
    carriers: int | None = None,
) -> Check:
    """The record of one rule, inconclusive where the documents cannot carry a decision.

    Args:
        law: where bounds and p-value are from, to say what more documents would show.
        carriers: documents in which there is something to count; None where every document counts.
    """
    missing, reason = None, REASONS[outcome]
    carrying = found.clusters if carriers is None else carriers
    if outcome == "inconclusive":
        missing = further_documents(found, law, threshold, alpha)
        if too_uneven(kind, law, threshold, alpha, found.clusters):
            reason = "too-uneven"
    if carrying < min_clusters:
        outcome, p_value = "inconclusive", 1.0
        reason = "too-few-documents" if carrying == found.clusters else "too-few-carriers"
        if carrying:
            lacking = math.ceil((min_clusters - carrying) * found.clusters / carrying)
            missing = max(missing or 0, lacking)
        else:
            missing, reason = None, "nothing-to-count"
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
            "carriers": carriers,
            "outcome": outcome,
            "reason": reason,
            "further_documents": missing,
        }
    )


def too_uneven(kind: str, law: Law | None, threshold: float, alpha: float, documents: int) -> bool:
    """Whether so many equal documents could have shown what these, of such different size, cannot,
    had not one of them been lost."""
    if kind == "ceiling" or not isinstance(law, ScalableLaw):
        return False
    room = 1 - threshold if kind == "floor" else abs(threshold)
    return -math.expm1(math.log(alpha) / documents) < room <= law.unseen_cost(alpha)


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
        found = difference(ours, evidence.of(system, rule.task), rule.metric, alpha)
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
            law=found.law,
            carriers=found.carriers,
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
        found = bounded(part, rule.metric, alpha)
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
            law=found.law,
            carriers=found.carriers,
        )


def difference(ours: Evaluation, theirs: Evaluation, metric: str, alpha: float) -> PairedDifference:
    """How much better `ours` is, rectified by people where they scored enough of a judge's rows."""
    judged = is_judged(metric)
    if judged and (found := difference_rectified_by_people(ours, theirs, metric, alpha)):
        return found
    found = paired_difference(ours, theirs, metric, alpha=alpha)
    return replace(found, method=JUDGE_ALONE + found.method) if judged else found


def bounded(part: Evaluation, metric: str, alpha: float) -> Bounded:
    """A metric of one system, rectified likewise."""
    judged = is_judged(metric)
    if judged and (found := mean_rectified_by_people(part, metric, alpha)):
        return found
    found = bounded_metric(part, metric, alpha=alpha)
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
        law=found.law,
    )


def outcome_of_all(outcomes: list[Outcome]) -> Outcome:
    """One reject rejects; all must promote to promote."""
    if "reject" in outcomes:
        return "reject"
    return "promote" if all(outcome == "promote" for outcome in outcomes) else "inconclusive"
