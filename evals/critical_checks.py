"""Apply a policy's critical rules to one candidate, on the documents that carry the label.

Does: choose the documents that count, hand them to the checks of comparisons and floors, settle the
rule where too few carry it. Does not: bound anything itself (evals/checks.py).

Documents in which there is nothing to count say nothing about a label, and a loss never seen would
be made as small as the average over them. So they are left out before anything is bounded: n is the
number of documents that carry the label. That conditions on which documents carry it, as an
interval for a ratio may (Cochran, Sampling Techniques, 1977, section 2.13, on domains).
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping

from configs.critical_labels import CriticalLabel
from configs.gate_policy import Comparison, Floor, GateConfig
from evals.checks import Level, check_comparison, check_floor, references_of
from evals.critical_rows import carriers, documents_with, needed_documents, rows_of_rule
from evals.decision import Check
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.stats.totals import metric_value

NO_BOUND = "none: fewer than two documents"
FEWEST_TO_BOUND = 2


def check_critical(
    rule: CriticalLabel, candidate: str, evidence: Evidence, policy: GateConfig, level: Level
) -> Iterator[Check]:
    """One check per reference if there is a margin, and one if there is a minimum.

    Raises:
        EvidenceError: when an evaluation is missing, does not pair, or measures no such thing.
    """
    whole = evidence.of(candidate, None)
    needed = needed_documents(rule, policy)
    systems = {candidate: whole}
    comparison = _comparison(rule)
    against: dict[str | None, str] = {}
    if comparison is not None:
        against.update(references_of(comparison, candidate, evidence))
        systems |= {system: evidence.of(system, None) for system in against.values()}
    parts = {name: rows_of_rule(rule, system) for name, system in systems.items()}
    counted = _counted(rule, parts)
    scarce = len(_clusters(counted[candidate])) < FEWEST_TO_BOUND
    if scarce:
        found = list(_unbounded(rule, candidate, counted, against, level))
    else:
        # The machinery's own minimum is that of the rule.
        own = policy.model_copy(update={"min_clusters": needed})
        kept = Evidence(counted, evidence.digests)
        found = []
        if comparison is not None:
            found += check_comparison(comparison, candidate, kept, own, level)
        if rule.minimum is not None:
            floor = Floor(
                metric=rule.metric, minimum=rule.minimum, required=rule.required, alpha=rule.alpha
            )
            found += check_floor(floor, candidate, kept, own, level)
    for check in found:
        compared = [parts[candidate]]
        if check.reference is not None:
            compared.append(parts[against[check.reference]])
        yield _settled(check, rule, carriers(rule, compared), needed, whole.clusters)


def _comparison(rule: CriticalLabel) -> Comparison | None:
    if rule.margin is None:
        return None
    return Comparison(
        metric=rule.metric,
        margin=rule.margin,
        references=rule.references,
        required=rule.required,
        alpha=rule.alpha,
    )


def _clusters(evaluation: Evaluation) -> frozenset[str]:
    return frozenset(evaluation.frame["cluster"].astype(str))


def _counted(rule: CriticalLabel, parts: Mapping[str, Evaluation]) -> dict[str, Evaluation]:
    """The documents that add anything to the measure: for recall those whose gold has it, otherwise
    also those in which a system claims it."""
    counts = ("tp", "fn") if rule.measure == "recall" else ("tp", "fp", "fn")
    documents = frozenset[str]().union(
        *(documents_with(rule, part, counts) for part in parts.values())
    )
    return {
        name: dataclasses.replace(
            part, frame=part.frame[part.frame["cluster"].astype(str).isin(documents)]
        )
        for name, part in parts.items()
    }


def _settled(check: Check, rule: CriticalLabel, carried: int, needed: int, documents: int) -> Check:
    """The check with what it is about, and inconclusive where too few documents carry it.

    "More documents" are those of the whole test set, of which only some carry the label.
    """
    missing = check.further_documents
    if missing is not None and check.clusters:
        missing = math.ceil(missing * documents / check.clusters)
    told: dict[str, object] = {
        "slice": rule.part,
        "critical": rule.words,
        "carriers": carried,
        "further_documents": missing,
    }
    if carried < needed:
        further = None
        if carried:
            further = max(missing or 0, math.ceil((needed - carried) * documents / carried))
        told |= {
            "outcome": "inconclusive",
            "reason": "too-few-carriers",
            "p_value": 1.0,
            "further_documents": further,
        }
    return check.model_copy(update=told)


def _unbounded(
    rule: CriticalLabel,
    candidate: str,
    counted: Mapping[str, Evaluation],
    against: Mapping[str | None, str],
    level: Level,
) -> Iterator[Check]:
    """Checks of what at most one document holds: the value as it is, and no bounds."""
    ours = counted[candidate]
    metric = ours.metric(rule.metric)
    clauses: list[tuple[str | None, float]] = []
    if rule.margin is not None:
        clauses += [(reference, -rule.margin) for reference in against]
    if rule.minimum is not None:
        clauses.append((None, rule.minimum))
    for reference, threshold in clauses:
        value, low = metric_value(ours.frame, metric), 0.0
        if reference is not None:
            theirs = counted[against[reference]]
            value, low = value - metric_value(theirs.frame, metric), -1.0
        yield Check(
            kind="floor" if reference is None else "non-inferiority",
            metric=rule.metric,
            task=ours.task,
            reference=reference,
            slice=rule.part,
            required=rule.required,
            threshold=threshold,
            value=value,
            low=low,
            high=1.0,
            alpha=level.of(rule.alpha),
            p_value=1.0,
            method=NO_BOUND,
            rows=ours.rows,
            clusters=ours.clusters,
            outcome="inconclusive",
            reason="too-few-carriers",
            further_documents=None,
        )
