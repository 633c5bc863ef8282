"""The gate's immutable record: inputs by digest, statistics, outcome, reasons."""

from __future__ import annotations

from typing import Literal

from configs.canonical_json import canonical_json, digest_json
from configs.gate_policy import GateConfig
from configs.strict_model import StrictModel
from evals.selftest_verdict import SelfTestVerdict

Outcome = Literal["promote", "reject", "inconclusive"]
Reason = Literal[
    "holds",
    "fails",
    "interval-covers-threshold",
    "too-few-documents",
    "too-few-carriers",
    "too-uneven",
    "nothing-to-count",
    "drop-found",
    "no-drop-found",
    "not-asked-again",
    "reference-unreadable",
]


class PooledTask(StrictModel):
    """One of the guard tasks that were decided on together."""

    task: str
    metric: str
    lost: int
    """Questions on which the candidate scores lower than the reference."""
    gained: int
    """Questions on which it scores higher."""
    rows: int
    clusters: int
    value: float
    """Gain over the reference."""


class PooledFacts(StrictModel):
    """What a decision over several guard tasks rests on."""

    tasks: tuple[PooledTask, ...]
    weighting: Literal["questions", "tasks"]
    p_drop: float
    """One-sided p-value of the hypothesis that the change is harmless."""
    p_change: float
    """Two-sided."""
    detectable_drop: float | None
    """About the smallest true drop that `p_drop` shows with a chance of 80% at these sizes and with so
    many answers changed; None if none."""

    @property
    def lost(self) -> int:
        """Questions on which the candidate scores lower, over all tasks."""
        return sum(task.lost for task in self.tasks)

    @property
    def gained(self) -> int:
        """Questions on which the candidate scores higher, over all tasks."""
        return sum(task.gained for task in self.tasks)


class Check(StrictModel):
    """One rule applied to one candidate."""

    kind: Literal[
        "non-inferiority", "equivalence", "floor", "ceiling", "no-significant-drop", "stability"
    ]
    metric: str
    """Metric, or the measure of a ceiling; of stability `changed_answers` or `moved.METRIC`."""
    task: str
    reference: str | None
    """System compared with; None for a floor or a ceiling."""
    slice: str | None
    """`name = value` of the slice whose rows count; None for all rows."""
    required: bool
    """False: reported, but blocks nothing."""
    threshold: float
    """-margin for a comparison (margin too, for equivalence), the minimum or the maximum; 0 for an
    alarm, which has none."""
    value: float
    """Gain over the reference for a comparison, otherwise the metric or measure itself."""
    low: float
    """One-sided lower confidence bound."""
    high: float
    """One-sided upper confidence bound."""
    alpha: float
    """Error rate of each bound."""
    p_value: float
    """Of the hypothesis that the rule is broken; in sequential mode, the level if it is shown and 1
    if not. Of an alarm: of the hypothesis that there is no drop."""
    method: str
    """How bounds and p-value were computed."""
    rows: int
    clusters: int
    """Independent documents."""
    carriers: int | None = None
    """Documents in which there is something to count, of the rarest class for a macro average; None
    where every document counts."""
    outcome: Outcome
    reason: Reason
    """Why, for a machine."""
    further_documents: int | None
    """If inconclusive: about how many more documents would settle it with a chance of 80%; None if
    no number would."""
    critical: str | None = None
    """What a critical rule is about, such as `recall of allergies`; None for any other rule."""
    pooled: PooledFacts | None = None
    """Of a decision over several guard tasks, which `task` lists."""

    @property
    def p_broken(self) -> float:
        """p-value of the hypothesis that the rule is broken. An alarm, which shows nothing while it is
        silent and is not corrected for several candidates, counts as 0, and as 1 unless it holds."""
        if self.kind == "no-significant-drop":
            return 0.0 if self.outcome == "promote" else 1.0
        return self.p_value


class CandidateResult(StrictModel):
    """All checks of one candidate, and what follows from them."""

    candidate: str
    outcome: Outcome
    p_value: float
    """Largest over the required checks, each scaled to the policy's alpha: of the hypothesis that
    some rule is broken."""
    alpha: float
    """Level the candidate was tested at, after the correction for several candidates."""
    checks: tuple[Check, ...]


class SharedLook(StrictModel):
    """An earlier look at documents of the same test set."""

    number: int
    """1 for the first."""
    model: str
    """Registered model that it was about; empty for one from files."""
    date: str
    """When, ISO 8601 in UTC."""
    shared_documents: int
    """Documents (distinct input texts) that both have."""
    decided: bool
    """False where answers were scored under a policy that was changed before a decision."""


class Look(StrictModel):
    """Which decision on the same test set this is."""

    number: int
    """1 for the first."""
    alpha: float
    """What this decision may spend of the policy's alpha."""
    budgeted: bool
    """Whether an alpha budget keeps the error rate over all looks."""
    counted: bool = True
    """Whether the decision stands in the registry's ledger of looks; if not, the number is none."""
    documents: int | None = None
    """Documents (distinct input texts) that the test set is known by."""
    known_by_text: bool = True
    """False: known by data digest and document keys, because the evaluations are older."""
    earlier: tuple[SharedLook, ...] = ()
    """Looks before it at any of its documents."""
    policy_recorded: Literal["before", "after", "unknown"] = "unknown"
    """When the policy was recorded: before or after the candidates' answers to these documents were
    first scored."""
    policy_changed_after: int | None = None
    """Number of the last look by another policy before this one was recorded; None without any."""


METHOD = "2026.11"
"""Version of the statistics behind checks: skewness-corrected bounds with an unseen loss, sized by how
uneven documents are; step-down max-T over candidates; group-sequential looks."""


class Decision(StrictModel):
    """What the gate decided and why; the same inputs give the same bytes."""

    schema_version: Literal[2] = 2
    method: str = "2026.10"
    """Version of the statistics that made it; decisions that name none are of the first."""
    outcome: Outcome
    promoted: str | None
    """Candidate that may become champion; None unless the outcome is `promote`."""
    reasons: tuple[str, ...]
    """Plain sentences for the reader, the verdict first."""
    further_documents: int | None
    """If inconclusive: about how many more documents would settle the most wanted candidate that
    is not rejected; None if no number would."""
    results: tuple[CandidateResult, ...]
    policy: GateConfig
    look: Look
    seed: int
    """Seed of the order of documents in sequential mode."""
    self_test: SelfTestVerdict | None = None
    """What the policy does on scores like these; None where no self-test ran."""
    evidence: dict[str, str]
    """Digest of every evaluation the decision rests on, by system, or by `task/system`."""

    def canonical_json(self) -> str:
        """The record as JSON with sorted keys: what the digest is taken of."""
        return canonical_json(self.model_dump(mode="json"))

    @property
    def digest(self) -> str:
        """sha256 over `canonical_json()`."""
        return digest_json(self.model_dump(mode="json"))
