"""The gate's immutable record: inputs by digest, statistics, outcome, reasons."""

from __future__ import annotations

import hashlib
import json
from typing import Literal

from configs.gate_policy import GateConfig
from configs.strict_model import StrictModel

Outcome = Literal["promote", "reject", "inconclusive"]


class Check(StrictModel):
    """One comparison or floor of one candidate."""

    kind: Literal["non-inferiority", "floor"]
    metric: str
    reference: str | None
    """System compared with; None for a floor."""
    threshold: float
    """-margin for a comparison, the minimum for a floor."""
    value: float
    """candidate - reference for a comparison, the metric for a floor."""
    low: float
    """One-sided lower confidence bound."""
    high: float
    """One-sided upper confidence bound."""
    alpha: float
    """Error rate of each bound."""
    rows: int
    clusters: int
    outcome: Outcome
    further_documents: int | None
    """If inconclusive: about how many more documents would settle it with a chance of 80%; None if
    no number would."""


class CandidateResult(StrictModel):
    """All checks of one candidate, and what follows from them."""

    candidate: str
    outcome: Outcome
    checks: tuple[Check, ...]


class Decision(StrictModel):
    """What the gate decided and why; the same inputs give the same bytes."""

    schema_version: Literal[1] = 1
    outcome: Outcome
    promoted: str | None
    """Candidate that may become champion; None unless the outcome is `promote`."""
    reasons: tuple[str, ...]
    """Plain sentences for the reader."""
    results: tuple[CandidateResult, ...]
    policy: GateConfig
    seed: int
    """Seed of the bootstrap."""
    evidence: dict[str, str]
    """Digest of every evaluation the decision rests on, by system."""

    def canonical_json(self) -> str:
        """The record as JSON with sorted keys: what the digest is taken of."""
        return json.dumps(
            self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False, separators=(",", ":")
        )

    @property
    def digest(self) -> str:
        """sha256 over `canonical_json()`."""
        return "sha256:" + hashlib.sha256(self.canonical_json().encode()).hexdigest()
