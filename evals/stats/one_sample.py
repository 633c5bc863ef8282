"""One-sided bounds and p-values for measures of one system, as floors and ceilings need them.

Does: metrics, means over documents, quantiles over documents. Does not: compare systems
(evals/stats/paired.py).

Sources: Clopper and Pearson 1934 (Biometrika 26:404) for shares; evals/stats/skew_corrected.py for
every other metric and for means; Conover 1999 (Practical Nonparametric Statistics, section 3.2) for
quantiles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from configs.errors import EvidenceError
from evals.evaluation import Evaluation
from evals.metric import Metric
from evals.stats.contributions import Contributions, carriers, of_value
from evals.stats.estimates import share_bounds
from evals.stats.levels import require_alpha
from evals.stats.paired import SKEW_CORRECTED, Law
from evals.stats.skew_corrected import SkewCorrectedLaw
from evals.stats.totals import cluster_sums

if TYPE_CHECKING:
    import numpy as np

EXACT_SHARE = "Clopper-Pearson, documents as trials"


class Interval(Protocol):
    """What every estimate with bounds has."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...
    @property
    def rows(self) -> int: ...
    @property
    def clusters(self) -> int: ...
    @property
    def method(self) -> str: ...


@dataclass(frozen=True)
class Bounded:
    """A measure with one-sided bounds, its n, and p-values against any threshold."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str
    p_at_most: Callable[[float], float] = field(repr=False, compare=False)
    """One-sided p-value of the hypothesis that the measure is at most a threshold."""
    p_at_least: Callable[[float], float] = field(repr=False, compare=False)
    """One-sided p-value of the hypothesis that the measure is at least a threshold."""
    carriers: int | None = None
    """Documents in which there is something to count; None where every document counts."""
    law: Law | None = field(default=None, repr=False, compare=False)
    contributions: Contributions | None = field(default=None, repr=False, compare=False)
    """What each document adds, in the order of sorted cluster keys, where the method is of that kind."""


@dataclass(frozen=True)
class ShareLaw:
    """Exact bounds of a share of independent documents, each right or wrong."""

    successes: float
    trials: float

    def low(self, alpha: float) -> float:
        """Lower bound with error alpha."""
        return share_bounds(self.successes, self.trials, alpha)[0]

    def high(self, alpha: float) -> float:
        """Upper bound with error alpha."""
        return share_bounds(self.successes, self.trials, alpha)[1]

    def p_above(self, threshold: float) -> float:
        """p-value of the hypothesis that the share is <= threshold: the binomial tail as an
        incomplete beta function (Clopper and Pearson 1934)."""
        from scipy.stats import beta

        if self.successes <= 0:
            return 1.0
        return float(beta.cdf(threshold, self.successes, self.trials - self.successes + 1))

    def p_below(self, threshold: float) -> float:
        """p-value of the hypothesis that the share is >= threshold."""
        return ShareLaw(self.trials - self.successes, self.trials).p_above(1 - threshold)

    def times(self, copies: float) -> ShareLaw:
        """The law of so many times as many documents with the same share."""
        return ShareLaw(self.successes * copies, self.trials * copies)

    @property
    def standard_error(self) -> float:
        """Of the share."""
        share = self.successes / self.trials
        return math.sqrt(share * (1 - share) / self.trials)

    def unseen_cost(self, alpha: float) -> float:
        """How far below 1 the bound stays, had not one document been wrong."""
        return -math.expm1(math.log(alpha) / self.trials)


def bounded_metric(evaluation: Evaluation, metric_name: str, *, alpha: float) -> Bounded:
    """A metric of one system with one-sided bounds at level `alpha` each.

    A share of rows, one per document, has exact bounds; any other metric those of
    evals/stats/skew_corrected.py, in which rows of one document count together and a large document
    for what it holds.

    Raises:
        EvidenceError: when there are no rows or the task does not measure the metric.
        ValueError: when alpha is not in (0, 0.5).
    """
    metric = evaluation.metric(metric_name)
    if evaluation.frame.empty:
        raise EvidenceError(evaluation.system, "expected rows, got none", "Check the data.")
    sums = cluster_sums(evaluation.frame, metric)
    return bounded_value(metric, sums, alpha=alpha, rows=evaluation.rows)


def bounded_value(metric: Metric, sums: np.ndarray, *, alpha: float, rows: int) -> Bounded:
    """As `bounded_metric`, from the `cluster_sums` of the documents."""
    require_alpha(alpha)
    contributions = of_value(metric, sums)
    exact = metric.binary and len(sums) == rows
    law: Law = (
        ShareLaw(float(sums[:, 0].sum()), len(sums))
        if exact
        # A document cannot gain more than is missing.
        else SkewCorrectedLaw(
            contributions,
            support=(0.0, 1.0),
            at_gain=contributions.weights * (1 - contributions.value),
        )
    )
    return _bounded(
        contributions, law, alpha, rows, EXACT_SHARE if exact else SKEW_CORRECTED,
        carriers(metric, sums),
    )  # fmt: skip


def bounded_mean(
    values: np.ndarray, alpha: float, *, rows: int, dearest: np.ndarray | None
) -> Bounded:
    """Mean of one non-negative value per document, with one-sided bounds at level `alpha` each.

    Args:
        dearest: the most that each document could cost, such as an answer that runs on to the limit
            of tokens; shape of `values`. None where no limit is known: then there is no upper bound,
            because an answer that was not seen may cost anything.
    """
    import numpy as np

    require_alpha(alpha)
    count = len(values)
    contributions = Contributions(float(values.mean()), values / count, np.full(count, 1 / count))
    if dearest is None:
        return Bounded(
            contributions.value, 0.0, math.inf, rows, count,
            "no upper bound, since no limit of tokens is known",
            lambda _: 1.0, lambda _: 1.0,
        )  # fmt: skip
    at_risk = np.maximum(dearest - values, values) / count
    law = SkewCorrectedLaw(contributions, (0.0, math.inf), at_risk=at_risk)
    return _bounded(contributions, law, alpha, rows, SKEW_CORRECTED, None)


def _bounded(
    contributions: Contributions,
    law: Law,
    alpha: float,
    rows: int,
    method: str,
    carrying: int | None,
) -> Bounded:
    value = contributions.value
    return Bounded(
        value,
        min(value, law.low(alpha)),
        max(value, law.high(alpha)),
        rows,
        len(contributions.gains),
        method,
        law.p_above,
        law.p_below,
        carrying,
        law,
        contributions,
    )


def bounded_quantile(values: np.ndarray, quantile: float, alpha: float, *, rows: int) -> Bounded:
    """A quantile of one value per document, with distribution-free bounds.

    The number of documents at or below the true quantile is binomial, so order statistics bound it.
    The upper bound is infinite when there are too few documents for any of them to bound it.

    Args:
        quantile: in (0, 1).
    """
    import numpy as np
    from scipy.stats import binom

    n, ordered = len(values), np.sort(values)
    above = int(binom.ppf(1 - require_alpha(alpha), n, quantile))
    below = int(binom.ppf(alpha, n, quantile))
    value = float(np.quantile(ordered, quantile, method="inverted_cdf"))

    def p_at_least(threshold: float) -> float:
        # If the quantile is at or above the threshold, a document is below it with a chance of at
        # most `quantile`.
        return float(binom.sf(int((ordered < threshold).sum()) - 1, n, quantile))

    def p_at_most(threshold: float) -> float:
        return float(binom.cdf(int((ordered <= threshold).sum()), n, quantile))

    return Bounded(
        value,
        float(ordered[below - 1]) if below > 0 else 0.0,
        float(ordered[above]) if above < n else float("inf"),
        rows,
        n,
        "order statistics of documents",
        p_at_most,
        p_at_least,
    )
