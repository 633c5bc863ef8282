"""What a metric is: a value made of sums over rows, so that it can be recomputed per resample.

Does: declare metrics. Does not: sum or estimate (evals/stats/), or fill the columns (the scorers).
"""

from __future__ import annotations

from pydantic import Field

from configs.strict_model import StrictModel

ROWS = "rows"
"""Pseudo-column that is 1 in every row."""


class Ratio(StrictModel):
    """One quotient of weighted column sums."""

    numerator: dict[str, float]
    """Column of the evaluation's frame -> weight."""

    denominator: dict[str, float] = Field(default_factory=lambda: {ROWS: 1.0})
    """Column -> weight; the number of rows by default, which makes the ratio a mean."""

    missed: dict[str, float] = Field(default_factory=dict)
    """Column -> weight of what there was to find and was not. Where the denominator is 0, the ratio
    is 0 if something was missed, and otherwise there was nothing to count."""


class Metric(StrictModel):
    """A value in [0, 1]: the mean of one or more ratios, such as one per class for macro-F1.

    Ratios with nothing to count are left out of the mean; if none is left the value is 1.
    """

    name: str
    """As policies and reports call it: `micro_f1`, `accuracy`, `micro_f1.drug`."""

    ratios: tuple[Ratio, ...] = Field(min_length=1)
    """What the mean is taken of."""

    binary: bool = False
    """Every row scores 0 or 1, so that exact tests apply."""

    higher_is_better: bool = True
    """Direction of improvement."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column of the frame that the metric needs, without `rows`."""
        named = (
            name
            for r in self.ratios
            for part in (r.numerator, r.denominator, r.missed)
            for name in part
        )
        return tuple(dict.fromkeys(name for name in named if name != ROWS))


def mean_metric(name: str, column: str | None = None, *, binary: bool = False) -> Metric:
    """Mean of one column over rows; the column is called like the metric unless given."""
    return Metric(name=name, ratios=(Ratio(numerator={column or name: 1.0}),), binary=binary)


def f1_ratio(suffix: str = "") -> Ratio:
    """F1 = 2 tp / (2 tp + fp + fn) of the columns `tp`, `fp`, `fn` with a suffix such as `.drug`."""
    tp, fp, fn = (f"{count}{suffix}" for count in ("tp", "fp", "fn"))
    return Ratio(numerator={tp: 2.0}, denominator={tp: 2.0, fp: 1.0, fn: 1.0}, missed={fn: 1.0})


def count_metrics(suffix: str = "") -> tuple[Metric, ...]:
    """Micro-averaged F1, precision and recall of the columns `tp`, `fp`, `fn` with a suffix.

    A model that claims nothing although there was something to find has precision 0.
    """
    tp, fp, fn = (f"{count}{suffix}" for count in ("tp", "fp", "fn"))
    precision = Ratio(numerator={tp: 1.0}, denominator={tp: 1.0, fp: 1.0}, missed={fn: 1.0})
    recall = Ratio(numerator={tp: 1.0}, denominator={tp: 1.0, fn: 1.0}, missed={fn: 1.0})
    return (
        Metric(name=f"micro_f1{suffix}", ratios=(f1_ratio(suffix),)),
        Metric(name=f"micro_precision{suffix}", ratios=(precision,)),
        Metric(name=f"micro_recall{suffix}", ratios=(recall,)),
    )
