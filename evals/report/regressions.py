"""The rows where a candidate lost most against a reference.

Does: find them, say what changed, and compare the two answers word by word.
Does not: decide whether the answers may be shown (the caller says so).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from evals.evaluation import Evaluation
from evals.metric import Metric
from evals.report.blocks import DiffPiece
from evals.stats.totals import cluster_sums, metric_of_sums

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

WORD = re.compile(r'"[^"\\\n]{0,40}"|\w+|\s+|[^\w\s]')
"""A short JSON string counts as one word."""
LONGEST_ANSWER = 4000
"""Characters of an answer that are compared; a model stuck in a loop writes more."""
MOST_CHANGES = 8
"""Changed scores that are named per row."""


PRICE_OF_SHOWING = (
    "These are rows of the test set. Once a person has read them and tunes on what they show, they no "
    "longer count as unseen, and further looks at these documents are optimistic: tune on regressions "
    "of validation rows, or decide the next candidate on fresh documents."
)
"""What it costs to show regressions; stands beside them."""


@dataclass(frozen=True)
class Regression:
    """One row on which the candidate did worse than the reference."""

    id: str
    cluster: str
    candidate_score: float
    reference_score: float
    changed: tuple[str, ...]
    """Fields and metrics whose score of the row changed, the compared one left out."""
    candidate_output: str
    reference_output: str
    candidate_end: str
    """`stop`, or `length` if the answer was cut off."""
    reference_end: str


def row_scores(frame: pd.DataFrame, metric: Metric) -> np.ndarray:
    """The metric of every row by itself, in [0, 1]; shape (rows,).

    A row with nothing to count scores 1, as in `evals.stats.totals.metric_of_sums`.
    """
    import numpy as np

    alone = frame.assign(cluster=np.arange(len(frame)))
    return np.asarray(metric_of_sums(metric, cluster_sums(alone, metric)), dtype=float)


def worst_regressions(
    candidate: Evaluation, reference: Evaluation, metric_name: str, most: int = 5
) -> tuple[Regression, ...]:
    """Rows that both answered, by loss of the row's score, the largest first, then in row order.

    Args:
        most: how many rows to return at most; rows without a loss are never returned.

    Raises:
        EvidenceError: when either does not measure the metric, or scores are missing.
    """
    import numpy as np

    metric = candidate.metric(metric_name)
    reference.metric(metric_name)
    positions = {str(row): place for place, row in enumerate(reference.frame["id"])}
    shared = candidate.frame["id"].astype(str).isin(positions)
    ours = candidate.frame[shared].reset_index(drop=True)
    theirs = reference.frame.iloc[[positions[str(row)] for row in ours["id"]]].reset_index(
        drop=True
    )
    if ours.empty:
        return ()
    our_scores, their_scores = row_scores(ours, metric), row_scores(theirs, metric)
    loss = (their_scores - our_scores) * (1 if metric.higher_is_better else -1)
    order = [int(place) for place in np.argsort(-loss, kind="stable") if loss[place] > 1e-9][:most]
    common = [m for m in candidate.metrics if m in reference.metrics and m.name != metric_name]
    changed = _changed(ours.iloc[order], theirs.iloc[order], common) if order else []
    return tuple(
        Regression(
            id=str(ours["id"].iloc[place]),
            cluster=str(ours["cluster"].iloc[place]),
            candidate_score=float(our_scores[place]),
            reference_score=float(their_scores[place]),
            changed=names,
            candidate_output=str(ours["raw_output"].iloc[place]),
            reference_output=str(theirs["raw_output"].iloc[place]),
            candidate_end=str(ours["finish_reason"].iloc[place]),
            reference_end=str(theirs["finish_reason"].iloc[place]),
        )
        for place, names in zip(order, changed, strict=True)
    )


def _changed(
    ours: pd.DataFrame, theirs: pd.DataFrame, metrics: Sequence[Metric]
) -> list[tuple[str, ...]]:
    """Per row the fields (`drug` for `micro_f1.drug`) and the metrics whose score changed."""
    names: list[dict[str, None]] = [{} for _ in range(len(ours))]
    for metric in metrics:
        stem, _, field = metric.name.partition(".")
        differs = abs(row_scores(ours, metric) - row_scores(theirs, metric)) > 1e-9
        for place, different in enumerate(differs):
            if different:
                names[place].setdefault(field or stem)
    return [tuple(found)[:MOST_CHANGES] for found in names]


def word_diff(before: str, after: str) -> tuple[DiffPiece, ...]:
    """What turns one text into the other, word by word; only the first 4000 characters of each."""
    old, new = (WORD.findall(_shortened(text)) for text in (before, after))
    pieces: list[DiffPiece] = []
    for kind, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(DiffPiece("same", "".join(old[a:b])))
            continue
        if b > a:
            pieces.append(DiffPiece("deleted", "".join(old[a:b])))
        if d > c:
            pieces.append(DiffPiece("inserted", "".join(new[c:d])))
    return tuple(pieces)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST_ANSWER:
        return text
    return f"{text[:LONGEST_ANSWER]} … ({len(text) - LONGEST_ANSWER} more characters)"
