"""Judge scores of all answers, rectified by human scores of some: prediction-powered inference.

Does: means and paired differences whose bounds hold however wrong or biased the judge is, provided
that the labelled documents are a random sample of all; a better judge makes them narrower.
Does not: ask the judge, or know evaluations (evals/judge/rectified_evaluation.py).

The bounds rest on the central limit theorem and on a `power` estimated from the same labels, so
a few dozen labelled documents are the least that they mean anything with.

Sources: Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023 (Science 382:669), the mean;
Angelopoulos, Duchi and Zrnic 2023 (PPI++, arXiv 2311.01453), power tuning; Liang and Zeger 1986
(Biometrika 73:13), the variance over clusters; Cochran 1977 (Sampling Techniques, section 12.6), the
degrees of freedom.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from evals.stats.estimates import share_bounds
from evals.stats.levels import require_alpha

if TYPE_CHECKING:
    import numpy as np

SAME = 1e-12
"""Values closer than this differ by rounding alone."""


@dataclass(frozen=True)
class Rectified:
    """A mean or difference of human scores, estimated with the help of a judge."""

    value: float
    low: float
    """One-sided lower confidence bound."""
    high: float
    """One-sided upper confidence bound."""
    n_labelled: int
    """Rows with human scores."""
    n: int
    """All rows."""
    labelled_clusters: int
    """Independent documents with human scores."""
    clusters: int
    """Independent documents."""
    power: float
    """Weight of the judge, lambda of PPI++, in [0, 1]: 0 uses the human scores alone."""
    standard_error: float


def rectified_difference(
    judge_candidate: np.ndarray,
    judge_reference: np.ndarray,
    human_candidate: np.ndarray,
    human_reference: np.ndarray,
    clusters: Sequence[str],
    labelled_mask: np.ndarray,
    alpha: float,
) -> Rectified:
    """Candidate minus reference in mean human score, over the same rows.

    Args:
        judge_candidate: the judge's scores of the candidate's answers, in [0, 1], shape (rows,).
        judge_reference: of the reference's answers to the same rows.
        human_candidate: human scores in [0, 1]; read only where labelled.
        human_reference: of the reference's answers.
        clusters: document of every row.
        labelled_mask: True where people scored both answers, shape (rows,). The labelled documents
            must be a random sample: chosen by no property of texts, answers or scores.
        alpha: one-sided error rate of each bound, in (0, 0.5).

    Raises:
        EvidenceError: as `rectified_mean`.
        ValueError: when alpha is out of range.
    """
    return _rectified(
        judge_candidate - judge_reference,
        human_candidate - human_reference,
        clusters,
        labelled_mask,
        alpha,
        support=(-1.0, 1.0),
    )


def rectified_mean(
    judge: np.ndarray,
    human: np.ndarray,
    clusters: Sequence[str],
    labelled_mask: np.ndarray,
    alpha: float,
) -> Rectified:
    """Mean human score of one system's answers; arguments as `rectified_difference`.

    Raises:
        EvidenceError: when fewer than two documents are labelled, or a score is missing.
        ValueError: when alpha is out of range.
    """
    return _rectified(judge, human, clusters, labelled_mask, alpha, support=(0.0, 1.0))


def _rectified(
    judge: np.ndarray,
    human: np.ndarray,
    clusters: Sequence[str],
    labelled_mask: np.ndarray,
    alpha: float,
    support: tuple[float, float],
) -> Rectified:
    """power * (mean judge of the unlabelled) + mean of (human - power * judge) of the labelled.

    With u the rows not labelled and l the labelled ones, a document c moves the estimate by
    A_c - power * B_c, where A_c sums its (human - mean) / n_l, and B_c its (judge - mean_l) / n_l
    less its (judge - mean_u) / n_u. The variance is the sum of squares over documents, which
    `power` = sum(A B) / sum(B B) makes smallest; with one row per document that is lambda* of PPI++.
    Estimating it costs a degree of freedom, as the slope of a regression estimator does.
    """
    import numpy as np
    from scipy.stats import t

    require_alpha(alpha)
    mask = np.asarray(labelled_mask, dtype=bool)
    keys, places = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    labelled_documents = len(np.unique(places[mask]))
    _require(judge, human, mask, labelled_documents)
    by_people = _moves(human, mask, places, len(keys))
    by_judge = _moves(judge, mask, places, len(keys)) - _moves(judge, ~mask, places, len(keys))
    spread = float(by_judge @ by_judge)
    helps = spread > SAME**2 and labelled_documents > 2 and not mask.all()
    power = min(1.0, max(0.0, float(by_people @ by_judge) / spread)) if helps else 0.0
    residual = human[mask] - power * judge[mask]
    value = float(residual.mean())
    if power:
        value += power * float(judge[~mask].mean())
    moves = by_people - power * by_judge
    freedom = labelled_documents - (2 if power else 1)
    error = float(np.sqrt(moves @ moves * (labelled_documents - 1) / freedom))
    half = float(t.ppf(1 - alpha, freedom)) * error
    if np.ptp(residual) < SAME:
        # Nothing differed among the labelled; what is rarer than one in them was not to be seen.
        rare = share_bounds(0, labelled_documents, alpha)[1]
        half += rare * (1 + power) * (support[1] - support[0]) / 2
    least, most = support
    return Rectified(
        value=min(most, max(least, value)),
        low=max(least, value - half),
        high=min(most, value + half),
        n_labelled=int(mask.sum()),
        n=len(mask),
        labelled_clusters=labelled_documents,
        clusters=len(keys),
        power=power,
        standard_error=error,
    )


def _moves(values: np.ndarray, mask: np.ndarray, places: np.ndarray, documents: int) -> np.ndarray:
    """How far each document moves the mean of the masked values, shape (documents,).

    Scaled by sqrt(G / (G - 1)) for G documents, so that the sum of squares estimates the variance
    without bias; one document alone has no estimate, and is left out.
    """
    import numpy as np

    moves = np.zeros(documents)
    present = len(np.unique(places[mask]))
    if present < 2:
        return moves
    np.add.at(moves, places[mask], (values[mask] - values[mask].mean()) / mask.sum())
    moves *= np.sqrt(present / (present - 1))
    return moves


def _require(judge: np.ndarray, human: np.ndarray, mask: np.ndarray, documents: int) -> None:
    import numpy as np

    if documents < 2:
        raise EvidenceError(
            "human labels",
            f"expected labelled answers of at least two documents, got {documents}",
            "Have a random sample of the answers labelled.",
        )
    missing = int((~np.isfinite(judge)).sum()), int((~np.isfinite(human[mask])).sum())
    if any(missing):
        raise EvidenceError(
            "judge and human scores",
            f"expected a finite score in every row, got {missing[0]} of the judge and {missing[1]} "
            "of people without",
            "Judge these answers, or unmark them as labelled.",
        )
