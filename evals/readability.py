"""Whether the answers of a reference can be read at all: one that cannot is no reference.

Does: count readable and cut-off answers, refuse or warn by the policy, keep a decision from calling
a candidate better than what nobody could read. Does not: read answers (evals/scorers/answer_text.py)
or say how to cure it (evals/unreadable_answers.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from configs.gate_settings import ReadableReferences
from evals.decision import Check
from evals.evaluation import READABLE, Evaluation
from evals.evidence import Evidence
from evals.stats.estimates import share_bounds

REFERENCES = ("baseline", "champion")
"""References that must be readable. The base model before fine-tuning need not be: that fine-tuning
taught it the form is part of what it is compared for."""
OLDER_COLUMNS = ("valid_json", "valid_label", "not_empty")
"""What tells the same in evaluations that were stored without the column `readable`."""
TAIL = 0.025


@dataclass(frozen=True)
class ReadableShare:
    """How many answers of one system have the form that the task asks for."""

    system: str
    readable: int
    cut_off: int
    """Answers that ended at the token limit, readable or not."""
    rows: int
    documents: int

    @property
    def value(self) -> float:
        """Share of rows, in [0, 1]."""
        return self.readable / self.rows

    @property
    def bounds(self) -> tuple[float, float]:
        """Its exact 95% interval (Clopper and Pearson 1934), with documents as independent trials."""
        return share_bounds(self.value * self.documents, self.documents, TAIL)

    @property
    def words(self) -> str:
        """`0% (95% interval 0% to 4%; 0 of 100 rows of 90 documents)`."""
        low, high = self.bounds
        return (
            f"{self.value:.0%} (95% interval {low:.0%} to {high:.0%}; {self.readable} of "
            f"{self.rows} rows of {self.documents} documents)"
        )


def readable_share(evaluation: Evaluation) -> ReadableShare | None:
    """How many answers could be read; None where the evaluation does not tell, or has no rows."""
    frame = evaluation.frame
    measured = {metric.name for metric in evaluation.metrics}
    older = (name for name in OLDER_COLUMNS if name in measured and name in frame)
    column = READABLE if READABLE in frame else next(older, None)
    if column is None or frame.empty:
        return None
    cut_off = frame["finish_reason"] == "length" if "finish_reason" in frame else frame[column] < 0
    readable = frame[column].astype(bool)
    if column == "not_empty":
        readable &= ~cut_off
    return ReadableShare(
        system=evaluation.system,
        readable=int(readable.sum()),
        cut_off=int(cut_off.sum()),
        rows=evaluation.rows,
        documents=evaluation.clusters,
    )


def is_unreadable(share: ReadableShare | None, rule: ReadableReferences) -> bool:
    """Whether the policy takes a system with this share for no reference."""
    return share is not None and rule.action == "refuse" and share.value < rule.minimum


def needs_a_warning(share: ReadableShare | None, rule: ReadableReferences) -> bool:
    """Whether a reader must know of the share before believing a comparison."""
    return share is not None and share.value < rule.warn_below


def read_shares(evaluations: Mapping[str, Evaluation]) -> dict[str, ReadableShare]:
    """Shares of baseline and champion on the lifecycle's task, as far as they are known."""
    shares = {name: readable_share(evaluations[name]) for name in REFERENCES if name in evaluations}
    return {name: share for name, share in shares.items() if share is not None}


def without_unreadable_references(
    policy: GateConfig, checks: Iterable[Check], evidence: Evidence
) -> tuple[Check, ...]:
    """The checks, of which none holds against a reference that could not be read.

    Such a check becomes inconclusive with the reason `reference-unreadable`, and no number of further
    documents settles it. One that fails still fails: reading the reference could only raise it.
    """
    unreadable = {
        name
        for name, share in read_shares(evidence.evaluations).items()
        if is_unreadable(share, policy.readable_references)
    }
    return tuple(
        check.model_copy(
            update={
                "outcome": "inconclusive",
                "reason": "reference-unreadable",
                "p_value": 1.0,
                "further_documents": None,
            }
        )
        if _is_affected(check, unreadable, evidence)
        else check
        for check in checks
    )


def _is_affected(check: Check, unreadable: set[str], evidence: Evidence) -> bool:
    if check.reference not in unreadable or check.outcome == "reject":
        return False
    return check.task == evidence.evaluations[check.reference].task


def require_read_alike(evidence: Evidence, candidates: Sequence[str]) -> None:
    """Insist that candidates and references were read by the same declaration.

    Raises:
        EvidenceError: when two that are known to differ would be compared.
    """
    known = {
        name: evidence.evaluations[name].reading
        for name in (*candidates, *REFERENCES)
        if name in evidence.evaluations and evidence.evaluations[name].reading
    }
    if len(set(known.values())) > 1:
        (first, reading), *others = known.items()
        name, other = next((n, r) for n, r in others if r != reading)
        raise EvidenceError(
            f"gate: {first} and {name}",
            f"expected answers that were read alike, got {reading!r} and {other!r}",
            "Evaluate both with the same answer_format of the task.",
        )


def warnings_of(policy: GateConfig, evaluations: Mapping[str, Evaluation]) -> tuple[str, ...]:
    """One sentence per reference of which too few answers could be read to trust a comparison.

    Args:
        evaluations: by system, on the lifecycle's task.
    """
    rule = policy.readable_references
    return tuple(
        warning(share, rule)
        for share in read_shares(evaluations).values()
        if needs_a_warning(share, rule)
    )


def warning(share: ReadableShare, rule: ReadableReferences) -> str:
    """The sentence for log, summary and report about a share below `warn_below`."""
    cut = f", {share.cut_off} were cut off" if share.cut_off else ""
    if is_unreadable(share, rule):
        meaning = "so nothing can be shown against it"
    else:
        meaning = "so it may be better than its scores say"
    return f"Of the answers of {share.system} only {share.words} could be read{cut}, {meaning}."
