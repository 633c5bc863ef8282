"""The gate's policy: metrics, margins, floors and error rates."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.quantization import Scheme
from configs.strict_model import StrictModel

Fraction = Annotated[float, Field(gt=0, lt=1)]
Metric = Literal[
    "micro_f1", "micro_precision", "micro_recall", "valid_json", "schema_conformance", "exact_match"
]


class NonInferiority(StrictModel):
    """One metric that must not be worse than the reference by more than a margin."""

    metric: Metric
    """Metric, a fraction in [0, 1], higher is better."""

    margin: Fraction
    """Largest loss that is still acceptable, absolute: 0.02 means two points of the metric."""


class Floor(StrictModel):
    """One metric whose value must not be below a minimum, whatever the reference does."""

    metric: Literal["valid_json", "schema_conformance", "exact_match"]
    """Metric that is a share of rows."""

    minimum: Fraction
    """Smallest acceptable value."""


class GateConfig(StrictModel):
    """The policy that turns evaluations into promote, reject or inconclusive."""

    candidates: tuple[Literal["fine-tuned"] | Scheme, ...] = ()
    """Who may be promoted, most wanted first; alpha is divided by their number. Empty: every
    quantization in the order of the lifecycle, then the fine-tuned model."""

    alpha: Annotated[float, Field(gt=0, le=0.2)] = 0.05
    """One-sided error rate: how often a model worse by the margin may be promoted."""

    non_inferiority: tuple[NonInferiority, ...] = Field(
        default=(NonInferiority(metric="micro_f1", margin=0.03),), min_length=1
    )
    """Comparisons with the baseline and the champion; all must hold."""

    floors: tuple[Floor, ...] = (Floor(metric="valid_json", minimum=0.95),)
    """Guards on the candidate alone; all must hold."""

    resamples: int = Field(default=10_000, ge=1000)
    """Bootstrap resamples."""

    min_clusters: int = Field(default=30, ge=2)
    """Fewer independent documents than this: inconclusive, whatever the scores."""
