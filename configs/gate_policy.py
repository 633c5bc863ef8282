"""The gate's policy: what a candidate must show, against what, and with which error rates.

Does: hold and validate the rules. Does not: apply them (evals/gate.py).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.approval import Approval
from configs.critical_labels import CriticalLabel
from configs.gate_rule import Alpha, Fraction, Reference, Rule
from configs.gate_settings import (
    AlphaBudget,
    Preflight,
    ReadableReferences,
    Sequential,
    StabilityRule,
)
from configs.quantization import Scheme
from configs.strict_model import StrictModel


class Comparison(Rule):
    """One metric that must not be worse than a reference by more than a margin."""

    metric: str
    """Metric that the task measures, a fraction in [0, 1], such as `micro_f1` or `accuracy`."""

    margin: Fraction
    """Largest loss that is still acceptable, absolute: 0.02 means two points of the metric. Where
    lower is better, the largest rise."""

    references: tuple[Reference, ...] = Field(default=("baseline", "champion"), min_length=1)
    """What the candidate is compared with, each in its own check: `baseline`; `champion` (left out
    while there is none); `base`, the model before fine-tuning, for what it must not forget;
    `unquantized`, the fine-tuned model that a quantized candidate was made from."""

    test: Literal["non-inferiority", "equivalence"] = "non-inferiority"
    """`non-inferiority`: not worse by the margin. `equivalence`: not better by it either (TOST)."""

    task: str | None = None
    """Guard task on which the metric is measured, such as `arc_easy`. Empty: the lifecycle's task."""


class Floor(Rule):
    """One metric of the candidate alone that must reach a minimum."""

    metric: str
    """Metric that the task measures, a fraction in [0, 1]."""

    minimum: Fraction
    """Smallest acceptable value."""

    slice: str | None = None
    """A slice of the task: the floor must hold for each of its values. Empty: for all rows."""

    task: str | None = None
    """Guard task on which the metric is measured. Empty: the lifecycle's task."""


class TokenPrices(StrictModel):
    """What running a candidate costs, by token."""

    input_per_million: float = Field(ge=0, allow_inf_nan=False)
    """Price of a million prompt tokens."""

    output_per_million: float = Field(ge=0, allow_inf_nan=False)
    """Price of a million tokens written."""

    currency: str = "USD"
    """Unit of the prices."""


class PooledGuard(Rule):
    """One decision over several guard tasks together (Kuebler et al. 2026, arXiv 2602.10144): small
    drops show over thousands of questions that show on none of the tasks alone."""

    test: Literal["no-significant-drop", "non-inferiority"] = "no-significant-drop"
    """`no-significant-drop`: an alarm. It fails when the candidate loses more than chance explains, by
    an exact test; that it finds nothing is no proof, so the report says which drop it would have
    found. `non-inferiority`: a promise. The pooled loss is shown to be smaller than `margin`."""

    tasks: tuple[str, ...] = ()
    """Guard tasks that count. Empty: all of the lifecycle."""

    metric: str | None = None
    """Metric that each of the tasks measures, a mean over questions, such as `acc`. Empty: the one
    that counts most in each task."""

    reference: Literal["unquantized", "base", "champion"] = "unquantized"
    """What the candidate is compared with: `unquantized`, the fine-tuned model that a quantized
    candidate was made from; `base`, the model before fine-tuning; `champion` (left out while there is
    none)."""

    margin: Fraction | None = None
    """For non-inferiority: largest loss over all tasks that is still acceptable, absolute: 0.01 means
    one point."""

    weighting: Literal["questions", "tasks"] = "questions"
    """`questions`: every question counts alike, so that large tasks count more. `tasks`: every task
    counts alike."""

    @model_validator(mode="after")
    def _margin_where_it_counts(self) -> PooledGuard:
        if self.test == "non-inferiority" and self.margin is None:
            raise ValueError(
                "margin: expected the largest acceptable loss, got none; give it, or leave test out"
            )
        if self.test == "no-significant-drop" and self.margin is not None:
            raise ValueError(
                f"margin: expected none with test no-significant-drop, got {self.margin:g}; leave it "
                "out, or set test: non-inferiority"
            )
        if len(set(self.tasks)) < len(self.tasks):
            raise ValueError(f"tasks: expected each task once, got {list(self.tasks)}")
        return self


class Ceiling(Rule):
    """One measure of the candidate's running that must stay below a maximum."""

    measure: Literal["latency_p95_s", "cost_per_1k_documents"]
    """`latency_p95_s`: 95th percentile, over documents, of the seconds that their slowest row took.
    `cost_per_1k_documents`: tokens at the policy's prices, per thousand documents."""

    maximum: float = Field(gt=0, allow_inf_nan=False)
    """Largest acceptable value, in seconds or in the currency of the prices."""


class GateConfig(StrictModel):
    """The policy that turns evaluations into promote, reject or inconclusive."""

    candidates: tuple[Literal["fine-tuned"] | Scheme, ...] = ()
    """Who may be promoted, most wanted first. Empty: every quantization in the order of the
    lifecycle, then the fine-tuned model."""

    alpha: Alpha = 0.05
    """One-sided error rate: how often a candidate that breaks a rule by exactly its margin may be
    promoted, over all candidates together."""

    correction: Literal["max-t", "holm", "bonferroni"] = "max-t"
    """How alpha is kept when several candidates may be promoted. `max-t`: step-down by the largest of
    statistics that are as alike as the candidates' scores show; never stricter than `holm`."""

    comparisons: tuple[Comparison, ...] = ()
    """Comparisons with references."""

    floors: tuple[Floor, ...] = ()
    """Minimum values of the candidate alone."""

    ceilings: tuple[Ceiling, ...] = ()
    """Largest latency and cost."""

    critical: tuple[CriticalLabel, ...] = ()
    """Fields, labels and slice values that must not get lost, however good the rest is."""

    guards: tuple[PooledGuard, ...] = ()
    """Decisions over several guard tasks together."""

    stability: StabilityRule | None = None
    """Largest change of answers or scores when rows are asked again. Empty: reported only."""

    prices: TokenPrices | None = None
    """Prices for `cost_per_1k_documents`."""

    resamples: int = Field(default=10_000, ge=1000)
    """Not used any more: bounds are computed without resampling. Older policies name it."""

    min_clusters: int = Field(default=30, ge=2)
    """Fewer independent documents than this in which there is something to count (of the rarest
    class for macro-F1): inconclusive, whatever the scores."""

    preflight: Preflight = Preflight()
    """Check of the test set's size before training."""

    readable_references: ReadableReferences = ReadableReferences()
    """Check of the references' answers before training and before every decision."""

    alpha_budget: AlphaBudget | None = None
    """Error rate over repeated decisions on one test set. Empty: each decision has the full alpha."""

    sequential: Sequential | None = None
    """Stop evaluating as soon as the outcome is settled. Empty: every document is used."""

    approval: Approval | None = None
    """People who must approve what the gate promotes. Empty: the gate's decision is enough."""

    @model_validator(mode="after")
    def _consistent(self) -> GateConfig:
        if not any(rule.required for rule in self.comparisons):
            raise ValueError(
                "comparisons: expected at least one that is required, got none; "
                "without it nothing is compared"
            )
        for rule in self.comparisons:
            if rule.task is not None and "baseline" in rule.references:
                raise ValueError(
                    f"comparisons: expected references among base, champion and unquantized on "
                    f"guard task {rule.task!r}, got baseline, which is not asked guard tasks"
                )
        named = [rule.words for rule in self.critical]
        if twice := sorted({words for words in named if named.count(words) > 1}):
            raise ValueError(
                f"critical: expected one rule for each, got several for {', '.join(twice)}; "
                "put margin and minimum into one"
            )
        if self.prices is None and any(c.measure == "cost_per_1k_documents" for c in self.ceilings):
            raise ValueError("prices: expected prices for the ceiling on cost, got none; add them")
        if self.sequential is not None:
            sliced = [f"floors on slice {floor.slice!r}" for floor in self.floors if floor.slice]
            fixed = sliced + [f"ceiling on {ceiling.measure}" for ceiling in self.ceilings]
            fixed += [
                f"equivalence of {rule.metric}"
                for rule in self.comparisons
                if rule.test == "equivalence"
            ]
            fixed += [
                f"comparison of {rule.metric} with the unquantized model"
                for rule in self.comparisons
                if rule.task is None and "unquantized" in rule.references
            ]
            fixed += [f"critical {rule.words}" for rule in self.critical]
            if self.alpha_budget is not None and self.alpha_budget.planned_looks is None:
                raise ValueError(
                    "alpha_budget.planned_looks: expected a number, got none; a sequential evaluation "
                    "must know before it asks what its look may spend, which is the same for every "
                    "look only where their number is planned"
                )
            if fixed:
                raise ValueError(
                    f"sequential: expected comparisons and floors on all rows only, got {fixed[0]}, "
                    "which goes with complete evaluations; leave it or sequential out"
                )
        return self
