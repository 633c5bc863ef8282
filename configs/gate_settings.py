"""Settings of a gate besides its rules: pre-flight, alpha budget, looks, stability, readable references.

Does: hold and validate them. Does not: hold rules (configs/gate_policy.py), or apply anything.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.gate_rule import Fraction, Rule
from configs.strict_model import StrictModel


class StabilityRule(Rule):
    """How much of a candidate's evaluation may change when rows are asked again. The rows are those
    of `evaluation.stability`."""

    max_changed_answers: Fraction | None = None
    """Largest acceptable share of answers that read differently the second time. Empty: any."""

    max_moved: Fraction | None = None
    """Largest acceptable change of the metric over the rows that were asked again, absolute and in
    either direction: 0.02 means two points. Empty: any."""

    metric: str | None = None
    """Metric that `max_moved` is about. Empty: the task's primary metric."""

    @model_validator(mode="after")
    def _bounds_something(self) -> StabilityRule:
        if self.max_changed_answers is None and self.max_moved is None:
            raise ValueError(
                "expected max_changed_answers or max_moved, got neither; set one of them"
            )
        if self.metric is not None and self.max_moved is None:
            raise ValueError(
                f"metric: expected max_moved for {self.metric!r}, got none; set it, or leave the "
                "metric out"
            )
        return self


class Preflight(StrictModel):
    """Whether the test set can show what the policy asks for, judged before anything is trained."""

    action: Literal["refuse", "warn", "off"] = "refuse"
    """What happens when the test set is too small. `refuse` stops only where two systems were evaluated
    and the power is clearly below the plan; otherwise there is a warning."""

    power: Fraction = 0.8
    """Chance with which a candidate whose true difference is `expected_difference` must pass."""

    expected_difference: float = Field(default=0.0, gt=-1, lt=1)
    """True candidate - reference to plan for. 0: as good as the reference."""

    correlation: float = Field(default=0.5, ge=0, lt=1)
    """Not used any more: with one system evaluated, a range of correlations is simulated."""

    assumed_deviation: Fraction = 0.3
    """Not used any more: the gate is simulated. Older policies name it."""


class ReadableReferences(StrictModel):
    """How many answers of baseline and champion must be readable. A reference whose answers cannot be
    read scores low whatever it knows, and being better than it says nothing."""

    minimum: Fraction = 0.5
    """Smallest share of answers that the task's declared `answer_format` can read."""

    warn_below: Fraction = 0.9
    """Below this share, log, summary and report carry a warning."""

    action: Literal["refuse", "warn"] = "refuse"
    """What happens below the minimum. `refuse`: the run stops before training, and no decision from
    stored evaluations promotes against such a reference."""

    @model_validator(mode="after")
    def _in_order(self) -> ReadableReferences:
        if self.minimum > self.warn_below:
            raise ValueError(
                f"expected minimum of at most warn_below, got {self.minimum} > {self.warn_below}"
            )
        return self


class AlphaBudget(StrictModel):
    """Error rate kept over all decisions on one test set, so that trying every new release on it
    does not promote noise in the end."""

    planned_looks: int | None = Field(default=None, ge=1)
    """Decisions the budget is shared by equally; after them the test set is used up. Empty: no end;
    decision number k gets alpha * 6 / (pi k)^2."""


class Sequential(StrictModel):
    """Evaluation in random batches of documents that stops when every rule is settled."""

    batch_documents: int = Field(default=20, ge=1)
    """Documents per batch."""

    documents_before_stopping: int = Field(default=40, ge=2)
    """Fewest documents after which evaluation may stop."""

    method: Literal["group-sequential", "betting"] = "group-sequential"
    """`group-sequential`: a few looks with the bounds of complete evaluations, each at a level of its
    own, for every metric. `betting`: a look after every batch, for means of equally many rows per
    document (other metrics stay group-sequential); stops earlier where the difference is large, and
    needs more documents where it is small."""

    looks: int = Field(default=5, ge=2, le=20)
    """Looks of the group-sequential method, the last at all documents."""

    spending: Literal["obrien-fleming", "pocock"] = "obrien-fleming"
    """How alpha is spent over the looks: nearly all at the end, or evenly."""
