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
]


class Check(StrictModel):
    """One rule applied to one candidate."""

    kind: Literal["non-inferiority", "equivalence", "floor", "ceiling"]
    metric: str
    """Metric, or the measure of a ceiling."""
    task: str
    reference: str | None
    """System compared with; None for a floor or a ceiling."""
    slice: str | None
    """`name = value` of the slice whose rows count; None for all rows."""
    required: bool
    """False: reported, but blocks nothing."""
    threshold: float
    """-margin for a comparison (margin too, for equivalence), the minimum or the maximum."""
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
    if not."""
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


class Look(StrictModel):
    """Which decision on the same test set this is."""

    number: int
    """1 for the first."""
    alpha: float
    """What this decision may spend of the policy's alpha."""
    budgeted: bool
    """Whether an alpha budget keeps the error rate over all looks."""


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
