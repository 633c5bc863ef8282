"""A judge's scores in the gate, rectified by what people said of some of the answers.

Does: differences and means whose bounds hold however wrong the judge is, where enough of the answers
were labelled. Does not: ask a judge or read labels (evals/judge/scorer.py puts both into the frame).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.evaluation import Evaluation
from evals.judge.columns import people_column
from evals.judge.rectified import Rectified, rectified_difference, rectified_mean
from evals.stats.one_sample import Bounded
from evals.stats.paired import PairedDifference, require_paired

if TYPE_CHECKING:
    import numpy as np

LEAST_LABELLED_DOCUMENTS = 30
"""The bounds rest on the central limit theorem: a few dozen is the least (evals/judge/rectified.py)."""
JUDGE_ALONE = "by the judge alone, whose errors are not in the interval: "
LEAST_ALPHA, MOST_ALPHA = 1e-12, 0.5 - 1e-12


@dataclass(frozen=True)
class RectifiedLaw:
    """Bounds at any level, and p-values as the level at which a bound meets a threshold."""

    at: Callable[[float], Rectified]

    def low(self, alpha: float) -> float:
        """Lower bound with error alpha."""
        return self.at(alpha).low

    def high(self, alpha: float) -> float:
        """Upper bound with error alpha."""
        return self.at(alpha).high

    def p_above(self, threshold: float) -> float:
        """p-value of the hypothesis that the value is <= threshold."""
        return _level(lambda alpha: self.low(alpha) - threshold)

    def p_below(self, threshold: float) -> float:
        """p-value of the hypothesis that the value is >= threshold."""
        return _level(lambda alpha: threshold - self.high(alpha))


def _level(beyond: Callable[[float], float]) -> float:
    """The smallest alpha at which a bound is beyond the threshold; bounds move in with alpha."""
    from scipy.optimize import brentq

    if beyond(MOST_ALPHA) <= 0:
        return 1.0
    if beyond(LEAST_ALPHA) > 0:
        return LEAST_ALPHA
    return float(brentq(beyond, LEAST_ALPHA, MOST_ALPHA, xtol=1e-13))


def is_judged(metric: str) -> bool:
    """Whether a metric is a judge's opinion, which people may have a say in."""
    return people_column(metric) is not None


def difference_rectified_by_people(
    candidate: Evaluation, reference: Evaluation, metric: str, alpha: float
) -> PairedDifference | None:
    """How much better people would score the candidate; None with too few labels to say.

    Rows of which people scored both answers count as labelled; they must be a random sample of all.

    Args:
        alpha: one-sided error rate of each bound, in (0, 0.5).
    Raises:
        EvidenceError: when the two did not answer the same rows.
    """
    import numpy as np

    require_paired(candidate, reference)
    column = people_column(metric)
    both = candidate.frame, reference.frame.set_index("id").loc[candidate.frame["id"]].reset_index()
    if any(column not in frame for frame in both):
        return None
    judge = [frame[metric].to_numpy(dtype=float) for frame in both]
    human = [frame[column].to_numpy(dtype=float) for frame in both]
    clusters = candidate.frame["cluster"].tolist()
    labelled = np.isfinite(human[0]) & np.isfinite(human[1])
    if _documents(clusters, labelled) < LEAST_LABELLED_DOCUMENTS:
        return None

    def at(level: float) -> Rectified:
        return rectified_difference(
            judge[0], judge[1], human[0], human[1], clusters, labelled, level
        )

    found = at(alpha)
    return PairedDifference(
        value=found.value,
        low=found.low,
        high=found.high,
        rows=found.n,
        clusters=found.clusters,
        method=_method(found),
        law=RectifiedLaw(at),
        carriers=len(set(clusters)),
    )


def mean_rectified_by_people(evaluation: Evaluation, metric: str, alpha: float) -> Bounded | None:
    """What people would score a system; None with too few labels to say.

    Args:
        alpha: one-sided error rate of each bound, in (0, 0.5).
    """
    import numpy as np

    column = people_column(metric)
    if column not in evaluation.frame:
        return None
    judge, human = (evaluation.frame[name].to_numpy(dtype=float) for name in (metric, column))
    clusters = evaluation.frame["cluster"].tolist()
    labelled = np.isfinite(human)
    if _documents(clusters, labelled) < LEAST_LABELLED_DOCUMENTS:
        return None

    def at(level: float) -> Rectified:
        return rectified_mean(judge, human, clusters, labelled, level)

    found, law = at(alpha), RectifiedLaw(at)
    return Bounded(
        value=found.value,
        low=found.low,
        high=found.high,
        rows=found.n,
        clusters=found.clusters,
        method=_method(found),
        p_at_most=law.p_above,
        p_at_least=law.p_below,
    )


def _method(found: Rectified) -> str:
    return (
        f"PPI++ t interval, {found.n_labelled} answers of {found.labelled_clusters} documents "
        "scored by people"
    )


def _documents(clusters: list[str], labelled: np.ndarray) -> int:
    return len(
        {cluster for cluster, is_labelled in zip(clusters, labelled, strict=True) if is_labelled}
    )
