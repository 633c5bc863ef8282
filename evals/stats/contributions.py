"""What each document adds to a difference or a value, and how much it could cost if it were lost.

Does: linearise metrics (delta method) and weigh documents by what there is to find in them.
Does not: bound anything (evals/stats/skew_corrected.py).

Source: Cochran 1977 (Sampling Techniques, section 6.3) for the linearised ratio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.metric import Metric
from evals.stats.linearised import influence
from evals.stats.totals import PARTS, metric_of_sums

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class Contributions:
    """One number per document whose sum is the value, with the weight of each document.

    >>> import numpy as np
    >>> from evals.metric import mean_metric
    >>> sums = np.array([[1.0, 1.0, 0.0], [1.0, 3.0, 0.0]])  # 1 of 1 row right, 1 of 3 rows right
    >>> ours = of_value(mean_metric("accuracy"), sums)
    >>> ours.value, ours.gains.tolist(), ours.weights.tolist()
    (0.5, [0.25, 0.25], [0.25, 0.75])
    """

    value: float
    """Candidate - reference (turned so that more is better), or the metric of one system."""
    gains: np.ndarray
    """What each document adds, shape (documents,); they sum to `value`."""
    weights: np.ndarray
    """Share of what there is to find that each document holds, shape (documents,), sum 1: its rows
    for a mean, its gold items for F1, the mean over the classes of its share of a class for
    macro-F1. A document that is lost wholly costs about so much. Zeros where nothing is counted."""

    @property
    def residuals(self) -> np.ndarray:
        """Gains less what the weights alone would give, shape (documents,); they sum to 0."""
        return self.gains - self.value * self.weights


def of_difference(metric: Metric, ours: np.ndarray, theirs: np.ndarray) -> Contributions:
    """Contributions to candidate - reference.

    Args:
        ours, theirs: `cluster_sums` of the same documents in the same order, turned around by the
            caller where lower is better.
    """
    value = float(metric_of_sums(metric, ours.sum(axis=0)))
    value -= float(metric_of_sums(metric, theirs.sum(axis=0)))
    weights = document_weights(metric, ours, theirs)
    change = (influence(metric, ours) - influence(metric, theirs)) / len(ours)
    return Contributions(value, change + value * weights, weights)


def of_value(metric: Metric, sums: np.ndarray) -> Contributions:
    """Contributions to the metric of one system."""
    value = float(metric_of_sums(metric, sums.sum(axis=0)))
    weights = document_weights(metric, sums)
    return Contributions(value, influence(metric, sums) / len(sums) + value * weights, weights)


def document_weights(metric: Metric, *systems: np.ndarray) -> np.ndarray:
    """Share of what there is to find per document: averaged over ratios, the larger of the systems.

    Args:
        systems: `cluster_sums` of one or two systems.
    Returns:
        Array (documents,) with sum 1; zeros if no ratio has anything to count.
    """
    import numpy as np

    held = np.maximum.reduce([to_find(metric, sums) for sums in systems])
    totals = held.sum(axis=0)
    counted = totals > 0
    if not counted.any():
        return np.zeros(len(held))
    return np.asarray((held[:, counted] / totals[counted]).mean(axis=1))


def to_find(metric: Metric, sums: np.ndarray) -> np.ndarray:
    """What there is to find in each document, shape (documents, ratios): gold items, or the
    denominator where a ratio does not say what was missed.

    What was found stands in the numerator and what was not in `missed`, with the weights that the
    ratio gives them (in F1, twice and once), so that gold items are numerator / twice + missed.
    """
    import numpy as np

    columns = []
    for place, ratio in enumerate(metric.ratios):
        top, bottom, missed = (sums[:, PARTS * place + part] for part in range(PARTS))
        if ratio.missed and sum(ratio.numerator.values()) > 0:
            per_item = sum(ratio.numerator.values()) / sum(ratio.missed.values())
            columns.append(top / per_item + missed)
        else:
            columns.append(bottom)
    return np.column_stack(columns)


def carriers(metric: Metric, *systems: np.ndarray) -> int:
    """Documents in which there is something to find; the fewest over the ratios of the metric (such
    as the rarest class of macro-F1) and over the systems, among ratios that any document carries.

    A class that no document has in gold and no answer names is left out of a macro average, so it
    does not count here either; 0 when nothing at all is counted.
    """
    import numpy as np

    per_system = [(to_find(metric, sums) > 0).sum(axis=0) for sums in systems]
    fewest = np.minimum.reduce(per_system)
    counts = np.zeros(len(metric.ratios), dtype=bool)
    for sums in systems:
        counts |= (sums[:, 1::PARTS].sum(axis=0) > 0) | (sums[:, 2::PARTS].sum(axis=0) > 0)
    return int(fewest[counts].min()) if counts.any() else 0
