"""Judged evaluations held against human labels: means of one system, differences of two.

Does: find the labelled answers, rectify by them. Does not: ask the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from configs.errors import EvidenceError
from configs.rubric import Criterion, RubricConfig
from configs.strict_model import StrictModel
from evals.evaluation import Evaluation
from evals.judge.columns import UNREADABLE, criterion_column
from evals.judge.human_labels import HumanLabel, human_fractions
from evals.judge.interval import Interval, mean_interval
from evals.judge.rectified import Rectified, rectified_difference, rectified_mean
from evals.judge.rogan_gladen import rogan_gladen

if TYPE_CHECKING:
    import numpy as np


class JudgedMean(StrictModel):
    """Mean score of one system by one criterion, on the scale [0, 1]."""

    system: str
    criterion: str
    judge: Interval
    """By the judge alone; a judgement that is unreadable may be anything from 0 to 1, which widens
    the interval at both ends. It covers chance, not the judge's errors."""
    rectified: Interval | None
    """By prediction-powered inference; None with fewer than two labelled documents."""
    rogan_gladen: Interval | None
    """From the judge's error rates, for a pass/fail criterion; None where these are unknown."""
    unreadable: int
    labelled: int
    rows: int
    clusters: int
    """Independent documents."""


def judged_means(
    evaluation: Evaluation,
    rubric: RubricConfig,
    labels: Sequence[HumanLabel],
    *,
    alpha: float,
    seed: int = 0,
) -> tuple[JudgedMean, ...]:
    """Mean of every criterion.

    Args:
        labels: of this system's answers or of others; a label counts for an answer of the same text
            to the same row. The labelled rows must be a random sample of all.
        alpha: one-sided error rate of each bound, in (0, 0.5).

    Raises:
        EvidenceError: when the evaluation was not judged by the rubric.
    """
    return tuple(
        _judged_mean(evaluation, rubric, criterion, labels, alpha, seed)
        for criterion in rubric.criteria
    )


def rectified_comparison(
    candidate: Evaluation,
    reference: Evaluation,
    rubric: RubricConfig,
    criterion: str,
    labels: Sequence[HumanLabel],
    *,
    alpha: float,
) -> Rectified:
    """How much better people would score the candidate, on the scale [0, 1] of the criterion.

    Bounds hold whatever the judge does, unreadable judgements included, because those are but more
    of its errors.

    Args:
        labels: of both systems' answers; only rows of which both answers are labelled count as
            labelled. These must be a random sample of all rows.
        alpha: one-sided error rate of each bound, in (0, 0.5).

    Raises:
        EvidenceError: when the evaluations are not of the same rows, were not judged by the rubric,
            or fewer than two documents are labelled.
    """
    import numpy as np

    ids = candidate.frame["id"].tolist()
    if ids != reference.frame["id"].tolist() or candidate.data_digest != reference.data_digest:
        raise EvidenceError(
            f"{candidate.system} and {reference.system}",
            "expected judgements of the same rows in the same order, got others",
            "Evaluate both on the same data.",
        )
    found = next(c for c in rubric.criteria if c.name == criterion)
    by_people = _human(candidate, rubric, found, labels)
    of_reference = _human(reference, rubric, found, labels)
    return rectified_difference(
        _judged(candidate, found),
        _judged(reference, found),
        by_people,
        of_reference,
        candidate.frame["cluster"].tolist(),
        np.isfinite(by_people) & np.isfinite(of_reference),
        alpha,
    )


def _judged_mean(
    evaluation: Evaluation,
    rubric: RubricConfig,
    criterion: Criterion,
    labels: Sequence[HumanLabel],
    alpha: float,
    seed: int,
) -> JudgedMean:
    import numpy as np

    judged = _judged(evaluation, criterion)
    unreadable = evaluation.frame[UNREADABLE].to_numpy(dtype=bool)
    clusters = evaluation.frame["cluster"].tolist()
    lowest, highest = (
        mean_interval(
            np.where(unreadable, score, judged), clusters,
            support=(0.0, 1.0), alpha=alpha, seed=seed,
        )
        for score in (0.0, 1.0)
    )  # fmt: skip
    human = _human(evaluation, rubric, criterion, labels)
    mask = np.isfinite(human)
    arguments: tuple[Any, ...] = (judged, human, clusters, mask, alpha)
    documents = len({cluster for cluster, labelled in zip(clusters, mask, strict=True) if labelled})
    rectified = rectified_mean(*arguments) if documents > 1 else None
    checkable = len(criterion.levels) == 2 and documents > 1
    return JudgedMean(
        system=evaluation.system,
        criterion=criterion.name,
        judge=Interval(value=float(judged.mean()), low=lowest.low, high=highest.high),
        rectified=rectified
        and Interval(value=rectified.value, low=rectified.low, high=rectified.high),
        rogan_gladen=_checked(*arguments) if checkable else None,
        unreadable=int(unreadable.sum()),
        labelled=int(mask.sum()),
        rows=len(judged),
        clusters=evaluation.clusters,
    )


def _checked(*arguments: Any) -> Interval | None:
    try:
        return rogan_gladen(*arguments)
    except EvidenceError:  # too few labels for its formula; the rectified mean stands without it
        return None


def _judged(evaluation: Evaluation, criterion: Criterion) -> np.ndarray:
    import numpy as np

    column = criterion_column(criterion.name)
    absent = [name for name in (column, UNREADABLE) if name not in evaluation.frame.columns]
    if absent:
        raise EvidenceError(
            f"{evaluation.system} on {evaluation.task}",
            f"expected the judge's scores, got no column {absent[0]}",
            "Judge the evaluation first.",
        )
    return np.asarray(evaluation.frame[column].to_numpy(dtype=float))


def _human(
    evaluation: Evaluation,
    rubric: RubricConfig,
    criterion: Criterion,
    labels: Sequence[HumanLabel],
) -> np.ndarray:
    frame = evaluation.frame
    return human_fractions(
        labels, rubric, criterion.name, frame["id"].tolist(), frame["raw_output"].tolist()
    )
