"""Share of right answers behind a judge that errs, from its error rates: a check on rectified means.

Does: pass/fail criteria. Does not: hold where the judge errs more often on some systems than on the
labelled answers, which prediction-powered inference does not need.

Source: Rogan and Gladen 1978 (American Journal of Epidemiology 107:71); the variance is theirs by
the delta method, with documents for independent trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from evals.judge.interval import Interval
from evals.stats.levels import require_alpha

if TYPE_CHECKING:
    import numpy as np


def rogan_gladen(
    judge: np.ndarray,
    human: np.ndarray,
    clusters: Sequence[str],
    labelled_mask: np.ndarray,
    alpha: float,
) -> Interval:
    """(apparent + specificity - 1) / (sensitivity + specificity - 1), kept in [0, 1].

    Args:
        judge: 1 where the judge passed the answer and 0 where it failed it, shape (rows,).
        human: 1 or 0 by people; read only where labelled.
        clusters: document of every row.
        labelled_mask: True where people scored the answer, shape (rows,).
        alpha: one-sided error rate of each bound, in (0, 0.5).

    Raises:
        EvidenceError: when the labels lack passed or failed answers, or the judge passes failed
            answers as often as passed ones.
        ValueError: when alpha is out of range.
    """
    import numpy as np
    from scipy.stats import t

    require_alpha(alpha)
    mask = np.asarray(labelled_mask, dtype=bool)
    keys, places = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    passed, failed = mask & (human == 1), mask & (human == 0)
    if not passed.any() or not failed.any():
        raise EvidenceError(
            "human labels", f"expected passed and failed answers, got {passed.sum()} and "
            f"{failed.sum()}", "Have more answers labelled.",
        )  # fmt: skip
    apparent = float(judge.mean())
    sensitivity, specificity = float(judge[passed].mean()), float(1 - judge[failed].mean())
    informed = sensitivity + specificity - 1
    if informed <= 0:
        raise EvidenceError(
            "judge", f"expected it to pass right answers more often than wrong ones, got "
            f"{sensitivity:.3f} and {1 - specificity:.3f}", "Use another judge or rubric.",
        )  # fmt: skip
    value = (apparent + specificity - 1) / informed
    everything = np.ones(len(mask), dtype=bool)
    moves = np.zeros(len(keys))
    for rows, scores, weight in (
        (everything, judge, 1.0),
        (passed, judge, -value),
        (failed, 1 - judge, 1 - value),
    ):
        deviation = (scores[rows] - scores[rows].mean()) / rows.sum()
        np.add.at(moves, places[rows], weight * deviation / informed)
    documents = len(np.unique(places[mask]))
    error = float(np.sqrt(moves @ moves * documents / max(1, documents - 1)))
    half = float(t.ppf(1 - alpha, max(1, documents - 1))) * error
    kept = [min(1.0, max(0.0, bound)) for bound in (value, value - half, value + half)]
    return Interval(value=kept[0], low=kept[1], high=kept[2])
