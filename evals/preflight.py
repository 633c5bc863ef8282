"""Whether a test set is large enough for a policy's margins, before anything is trained.

Does: estimate how much documents differ, from the systems already evaluated, and what that needs.
Does not: evaluate anything.

Source: evals/stats/power.py for the formulas.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from configs.strict_model import StrictModel
from evals.evaluation import Evaluation
from evals.stats.linearised import deviation, paired_deviation
from evals.stats.paired import require_paired
from evals.stats.power import minimum_detectable_effect, power_of_noninferiority, required_clusters


class SizeCheck(StrictModel):
    """What one comparison needs of the test set."""

    metric: str
    reference: str
    margin: float
    documents: int
    """In the test set."""
    required_documents: int | None
    """For the planned power; None when no number is enough, because the difference planned for is at
    the margin."""
    deviation: float
    """Standard deviation of a document's paired difference."""
    deviation_from: str
    """Where that was taken from, in words."""
    power: float
    """Chance that a candidate of the planned difference passes with these documents."""
    detectable: float
    """Smallest distance from the margin that these documents show with the planned power."""

    @property
    def sufficient(self) -> bool:
        """Whether the test set is large enough."""
        return self.required_documents is not None and self.documents >= self.required_documents


def check_sizes(
    policy: GateConfig, candidates: int, evaluated: Mapping[str, Evaluation]
) -> tuple[SizeCheck, ...]:
    """What each required comparison on the lifecycle's task needs.

    Args:
        candidates: how many may be promoted; alpha is divided among them.
        evaluated: systems evaluated so far on the test set: `baseline`, perhaps `champion`.
    """
    return tuple(
        _check(policy, rule, reference, candidates, evaluated)
        for rule in policy.comparisons
        if rule.required and rule.task is None
        for reference in rule.references
        if reference in evaluated
    )


def _check(
    policy: GateConfig,
    rule: Comparison,
    reference: str,
    candidates: int,
    evaluated: Mapping[str, Evaluation],
) -> SizeCheck:
    plan = policy.preflight
    alpha = (rule.alpha or policy.alpha) / candidates
    spread, source = _deviation(policy, rule, reference, evaluated)
    documents = evaluated[reference].clusters
    return SizeCheck(
        metric=rule.metric,
        reference=reference,
        margin=rule.margin,
        documents=documents,
        required_documents=required_clusters(
            spread, rule.margin, plan.expected_difference, alpha=alpha, power=plan.power
        ),
        deviation=spread,
        deviation_from=source,
        power=power_of_noninferiority(
            spread, documents, rule.margin, plan.expected_difference, alpha=alpha
        ),
        detectable=minimum_detectable_effect(spread, documents, alpha=alpha, power=plan.power),
    )


def _deviation(
    policy: GateConfig, rule: Comparison, reference: str, evaluated: Mapping[str, Evaluation]
) -> tuple[float, str]:
    plan = policy.preflight
    known = evaluated[reference]
    metric = known.metric(rule.metric)
    others = [name for name in ("champion", "baseline") if name in evaluated and name != reference]
    if others:
        other = evaluated[others[0]]
        require_paired(other, known)
        if paired := paired_deviation(other, known, metric):
            return paired, f"{others[0]} and {reference} on these documents"
    if alone := deviation(known, metric):
        return alone * math.sqrt(2 * (1 - plan.correlation)), (
            f"the spread of {reference} on these documents, at an assumed correlation of "
            f"{plan.correlation:g}"
        )
    return plan.assumed_deviation, f"assumed, since the scores of {reference} do not differ"


def require_sufficient(checks: tuple[SizeCheck, ...], where: str) -> None:
    """Refuse a test set that cannot show what the policy asks for.

    Raises:
        EvidenceError: naming the comparison that needs most documents.
    """
    short = [check for check in checks if not check.sufficient]
    if not short:
        return
    worst = max(short, key=lambda check: check.required_documents or math.inf)
    needed = worst.required_documents or "more than any number of"
    raise EvidenceError(
        where,
        f"expected at least {needed} test documents for a margin of {worst.margin:g} on "
        f"{worst.metric} against {worst.reference}, got {worst.documents} (standard deviation "
        f"{worst.deviation:.3f}: {worst.deviation_from}; power {worst.power:.2f})",
        "Add documents, widen the margin, or set gate.preflight.",
    )
