"""Which rows and documents a critical rule is about, and how many carry what it measures.

Does: restrict evaluations, count. Does not: check the rule (evals/critical_checks.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from configs.critical_labels import CriticalLabel
from configs.gate_policy import GateConfig
from evals.decision import Check
from evals.evaluation import Evaluation
from evals.evidence import slices_of


def needed_documents(rule: CriticalLabel, policy: GateConfig) -> int:
    """Fewest documents that must carry what the rule measures."""
    return policy.min_clusters if rule.min_documents is None else rule.min_documents


def needed_carriers(check: Check, policy: GateConfig) -> int:
    """Fewest documents that must carry what a check is about, by the rule that it comes from."""
    for rule in policy.critical:
        if rule.words == check.critical:
            return needed_documents(rule, policy)
    return policy.min_clusters


def rows_of_rule(rule: CriticalLabel, evaluation: Evaluation) -> Evaluation:
    """The evaluation restricted to the rows that the rule is about; none if no row has the value.

    Raises:
        EvidenceError: when the task declares no such slice, or does not measure such a metric.
    """
    evaluation.metric(rule.metric)
    if rule.slice is None:
        return evaluation
    parts = dict(slices_of(evaluation, rule.slice))
    return parts.get(
        str(rule.value), dataclasses.replace(evaluation, frame=evaluation.frame.iloc[:0])
    )


def carrying_documents(rule: CriticalLabel, evaluation: Evaluation) -> frozenset[str]:
    """Documents whose gold answers hold what the rule is about, whatever the system answered.

    Raises:
        EvidenceError: as `rows_of_rule`.

    >>> import pandas as pd
    >>> from evals.metric import count_metrics
    >>> frame = pd.DataFrame({"cluster": ["a", "a", "b"], "tp.allergies": [0, 1, 0],
    ...                       "fp.allergies": [0, 0, 3], "fn.allergies": [2, 0, 0]})
    >>> evaluation = Evaluation("awq", "", "notes", "", count_metrics(".allergies"), frame)
    >>> sorted(carrying_documents(CriticalLabel(field="allergies", minimum=0.5), evaluation))
    ['a']
    """
    return documents_with(rule, rows_of_rule(rule, evaluation), ("tp", "fn"))


def documents_with(rule: CriticalLabel, part: Evaluation, counts: Sequence[str]) -> frozenset[str]:
    """Documents in which any of the counts `tp`, `fp`, `fn` of what the rule is about is above 0.

    Args:
        part: the rows of the rule.
    """
    frame = part.frame
    total = sum(frame[f"{count}{rule.suffix}"] for count in counts)
    return frozenset(frame["cluster"][total > 0].astype(str))


def carriers(rule: CriticalLabel, parts: Sequence[Evaluation]) -> int:
    """How many documents carry what is measured.

    Args:
        parts: what the systems compared made of the rows of the rule, the candidate first.
    """
    found = [len(documents_with(rule, parts[0], ("tp", "fn")))]
    if rule.measure == "precision":
        found += [len(documents_with(rule, part, ("tp", "fp"))) for part in parts]
    return min(found)
