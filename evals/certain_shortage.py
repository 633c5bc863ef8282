"""What a test set can never show, whatever the candidate answers: known before anybody is asked twice.

Does: hold the documents against the fewest that the policy's required rules ask for. Does not: estimate
power (evals/preflight.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from evals.evaluation import Evaluation
from evals.evidence import slices_of
from evals.rectified_checks import is_judged
from evals.stats.contributions import carriers, document_weights
from evals.stats.skew_corrected import UnseenLosses
from evals.stats.totals import cluster_sums


def require_possible(policy: GateConfig, baseline: Evaluation, alpha: float, where: str) -> None:
    """Refuse a test set on which a required rule cannot hold.

    Args:
        baseline: its evaluation, which tells the documents and what there is to find in them.
        alpha: what the coming decision may spend.
    Raises:
        EvidenceError: naming every rule that cannot hold, and why.
    """
    problems = list(dict.fromkeys(_problems(policy, baseline, alpha)))
    if problems:
        raise EvidenceError(
            where,
            f"expected documents on which the gate can promote, got {baseline.clusters}: "
            + "; ".join(problems),
            "Add documents, or change the policy.",
        )


def _problems(policy: GateConfig, baseline: Evaluation, alpha: float) -> Iterator[str]:
    least = policy.min_clusters
    if baseline.clusters < least:
        yield f"gate.min_clusters asks for {least} documents"
        return
    for rule in policy.comparisons:
        if rule.required and rule.task is None and not is_judged(rule.metric):
            yield from _too_few(rule.metric, baseline, least, "")
    for floor in policy.floors:
        if not floor.required or floor.task is not None or is_judged(floor.metric):
            continue
        parts = [("", baseline)]
        if floor.slice is not None:
            parts = [
                (f" where {floor.slice} = {v}", p) for v, p in slices_of(baseline, floor.slice)
            ]
        for part_name, part in parts:
            few = list(_too_few(floor.metric, part, least, part_name))
            yield from few
            if few:
                continue
            metric = part.metric(floor.metric)
            weights = document_weights(metric, cluster_sums(part.frame, metric))
            best = 1 - UnseenLosses(weights).cost(floor.alpha or alpha)
            if best <= floor.minimum:
                yield (
                    f"{floor.metric}{part_name} has a lower bound of {best:.3f} even if all of "
                    f"{part.clusters} documents are right, and {floor.minimum:g} is asked for"
                )


def _too_few(metric_name: str, part: Evaluation, least: int, part_name: str) -> Iterator[str]:
    metric = part.metric(metric_name)
    carrying = carriers(metric, cluster_sums(part.frame, metric))
    if carrying < least:
        yield (
            f"{metric_name}{part_name} has something to count in {carrying} documents, and "
            f"gate.min_clusters asks for {least}"
        )
