"""Apply a policy's rule on stability to one candidate.

Does: bounds on the share of changed answers and on how far the metric moved. Does not: ask
(evals/stability.py). A candidate of which nothing was asked again is undecided, never stable.

Sources: Clopper and Pearson 1934 (Biometrika 26:404) over rows drawn at random; for the metric the
paired difference of evals/stats/paired.py, inside +-maximum by two one-sided tests (Schuirmann 1987).
"""

from __future__ import annotations

from collections.abc import Iterator

from configs.asking_again import rows_to_show
from configs.gate_policy import GateConfig
from configs.gate_settings import StabilityRule
from evals.checks import REASONS, Level, outcome_of_bounds
from evals.decision import Check, Reason
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.stability import asked_before, changed_answers
from evals.stats.equivalence import tost
from evals.stats.estimates import share_bounds
from evals.stats.paired import paired_difference

CHANGED_ANSWERS = "changed_answers"
MOVED = "moved"


def check_stability(
    rule: StabilityRule | None, candidate: str, evidence: Evidence, policy: GateConfig, level: Level
) -> Iterator[Check]:
    """One check per bound that the rule sets; none without a rule.

    Raises:
        EvidenceError: when the second answers are not of the candidate's rows, or lack the metric.
    """
    if rule is None:
        return
    first, again = evidence.of(candidate, None), evidence.asked_again.get(candidate)
    alpha = level.of(rule.alpha)
    before = None if again is None else asked_before(first, again)
    if rule.max_changed_answers is not None:
        yield _changed(rule, first.task, rule.max_changed_answers, before, again, alpha)
    if rule.max_moved is not None:
        metric = rule.metric or (first if again is None else again).metrics[0].name
        yield _moved(rule, first.task, metric, rule.max_moved, before, again, alpha, policy)


def _changed(
    rule: StabilityRule,
    task: str,
    maximum: float,
    before: Evaluation | None,
    again: Evaluation | None,
    alpha: float,
) -> Check:
    from scipy.stats import binom

    if before is None or again is None:
        return _unknown(rule, task, CHANGED_ANSWERS, maximum, alpha)
    changed, rows = int(changed_answers(before, again).sum()), again.rows
    low, high = share_bounds(changed, rows, alpha)
    outcome = outcome_of_bounds(-high, -low, -maximum)
    return Check(
        kind="stability",
        metric=CHANGED_ANSWERS,
        task=task,
        reference=None,
        slice=None,
        required=rule.required,
        threshold=maximum,
        value=changed / rows,
        low=low,
        high=high,
        alpha=alpha,
        # At most alpha exactly where the upper bound is at most the maximum.
        p_value=float(binom.cdf(changed, rows, maximum)),
        method=f"Clopper-Pearson over rows drawn at random; {rows_to_show(maximum, alpha)} rows, none "
        "of them changed, are the fewest that hold",
        rows=rows,
        clusters=again.clusters,
        outcome=outcome,
        reason=REASONS[outcome],
        further_documents=None,
    )


def _moved(
    rule: StabilityRule,
    task: str,
    metric: str,
    maximum: float,
    before: Evaluation | None,
    again: Evaluation | None,
    alpha: float,
    policy: GateConfig,
) -> Check:
    if before is None or again is None:
        return _unknown(rule, task, f"{MOVED}.{metric}", maximum, alpha)
    found = paired_difference(again, before, metric, alpha=alpha)
    low = max(0.0, found.low, -found.high)
    high = max(abs(found.low), abs(found.high))
    outcome, p_value = outcome_of_bounds(-high, -low, -maximum), tost(found, maximum, alpha).p_value
    reason: Reason = REASONS[outcome]
    if again.clusters < policy.min_clusters:
        outcome, p_value, reason = "inconclusive", 1.0, "too-few-documents"
    return Check(
        kind="stability",
        metric=f"{MOVED}.{metric}",
        task=task,
        reference=None,
        slice=None,
        required=rule.required,
        threshold=maximum,
        value=abs(found.value),
        low=low,
        high=high,
        alpha=alpha,
        p_value=p_value,
        method=found.method,
        rows=found.rows,
        clusters=found.clusters,
        outcome=outcome,
        reason=reason,
        further_documents=None,
    )


def _unknown(rule: StabilityRule, task: str, metric: str, maximum: float, alpha: float) -> Check:
    """The record of a rule about which nothing is known: anything from 0 to 1 is possible."""
    return Check(
        kind="stability",
        metric=metric,
        task=task,
        reference=None,
        slice=None,
        required=rule.required,
        threshold=maximum,
        value=1.0,
        low=0.0,
        high=1.0,
        alpha=alpha,
        p_value=1.0,
        method="none: no row was asked again",
        rows=0,
        clusters=0,
        outcome="inconclusive",
        reason="not-asked-again",
        further_documents=None,
    )
