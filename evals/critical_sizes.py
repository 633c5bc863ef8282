"""Whether the test set holds enough of what a policy calls critical, before anything is asked.

Does: count the documents whose gold answers carry each critical label. Does not: judge how many
documents a margin needs (evals/preflight.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from configs.critical_labels import CriticalLabel
from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from configs.task import TaskConfig
from evals.critical_rows import carrying_documents, needed_documents
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.policy_names import did_you_mean
from evals.scorers.registry import metrics_of, score_answers

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CriticalSize:
    """How many documents carry what one rule is about."""

    rule: CriticalLabel
    carriers: int
    needed: int
    documents: int
    """In the whole test set."""
    values: tuple[str, ...]
    """Values that the rule's slice has in the test set; () for a field or a label."""

    @property
    def sufficient(self) -> bool:
        """Whether the rule can be anything but inconclusive."""
        return self.carriers >= self.needed

    @property
    def problem(self) -> str:
        """`expected ..., got ...`."""
        rule = self.rule
        if rule.value is not None and rule.value not in self.values:
            return (
                f"{rule.words}: expected rows where {rule.part}, got none; "
                f"{did_you_mean(rule.value, self.values)}"
            )
        return (
            f"{rule.words}: expected at least {self.needed} documents that carry it, got "
            f"{self.carriers} of {self.documents}"
        )


def unanswered(task: TaskConfig, rows: Sequence[Mapping[str, Any]]) -> Evaluation:
    """The evaluation of a system that answers nothing: what is missed is what the gold answers have.

    Args:
        rows: complete rows of the task, see `evals.runner.require_complete_rows`.
    """
    import pandas as pd

    scores = score_answers(task, [""] * len(rows), rows)
    frame: pd.DataFrame = pd.DataFrame(
        [
            {
                "id": row["id"],
                "cluster": str(row[task.cluster_key]),
                **columns,
                **{f"{SLICE_PREFIX}{name}": str(row[name]) for name in task.slices},
            }
            for row, columns in zip(rows, scores, strict=True)
        ]
    )
    return Evaluation("gold answers", "none", task.name, "", metrics_of(task), frame)


def critical_sizes(
    policy: GateConfig, task: TaskConfig, rows: Sequence[Mapping[str, Any]]
) -> tuple[CriticalSize, ...]:
    """What every critical rule has to go by.

    Args:
        rows: the test rows, complete.
    Raises:
        EvidenceError: when a rule names a slice or a metric that the task does not have.
    """
    if not policy.critical:
        return ()
    gold = unanswered(task, rows)
    return tuple(
        CriticalSize(
            rule=rule,
            carriers=len(carrying_documents(rule, gold)),
            needed=needed_documents(rule, policy),
            documents=gold.clusters,
            values=()
            if rule.slice is None
            else tuple(sorted(gold.frame[f"{SLICE_PREFIX}{rule.slice}"].unique())),
        )
        for rule in policy.critical
    )


def require_carriers(sizes: Sequence[CriticalSize], where: str) -> None:
    """Refuse a test set on which a required critical rule could never hold.

    Raises:
        EvidenceError: naming every such rule.
    """
    problems = [size.problem for size in sizes if size.rule.required and not size.sufficient]
    if problems:
        listed = problems[0] if len(problems) == 1 else "".join(f"\n  - {p}" for p in problems)
        raise EvidenceError(
            where,
            listed,
            "Add such documents, lower min_documents of the rule, or make it not required.",
        )
