"""Pairs of systems whose true difference is known, made from recorded scores.

Does: A/A pairs (no difference) and candidates made worse by a given amount, resampled by document
with the discordance that the recorded systems really have. Does not: decide (evals/selftest.py).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.metric import Metric
from evals.stats.paired import require_paired
from evals.stats.totals import cluster_sums, metric_of_sums

if TYPE_CHECKING:
    import numpy as np


def spoiled(evaluation: Evaluation) -> Evaluation:
    """The evaluation as if every answer had been empty.

    Columns `tp...` move to `fn...` and `fp...` become 0; every other column that a metric names
    becomes 0, the worst where higher is better, and 1 where lower is.
    """
    frame = evaluation.frame.copy()
    lower_is_better = {
        column for m in evaluation.metrics if not m.higher_is_better for column in m.columns
    }
    for column in dict.fromkeys(c for metric in evaluation.metrics for c in metric.columns):
        if column == "fn" or column.startswith("fn."):
            frame[column] += evaluation.frame[f"tp{column.removeprefix('fn')}"]
        elif column in lower_is_better:
            frame[column] = 1
        else:
            frame[column] = frame[column] * 0
    return dataclasses.replace(evaluation, frame=frame)


@dataclass(frozen=True)
class Population:
    """Documents to draw from, each as both recorded systems scored it, and spoiled."""

    candidate: Evaluation
    reference: Evaluation

    def __post_init__(self) -> None:
        require_paired(self.candidate, self.reference)

    def spoiled_share(self, metric: Metric, regression: float) -> float:
        """Share of documents to spoil so that the metric's true value falls by `regression`.

        The population's value is a function of expected sums, which are linear in the share.

        Raises:
            EvidenceError: when spoiling every document does not lower the metric so far.
        """
        from scipy.optimize import brentq

        if regression == 0:
            return 0.0
        pair = (self.candidate, self.reference)
        whole = sum(cluster_sums(e.frame, metric).mean(axis=0) for e in pair)
        empty = sum(cluster_sums(spoiled(e).frame, metric).mean(axis=0) for e in pair)

        def fallen(share: float) -> float:
            mixed = (1 - share) * whole + share * empty
            change = float(metric_of_sums(metric, whole) - metric_of_sums(metric, mixed))
            return (change if metric.higher_is_better else -change) - regression

        if fallen(1.0) < 0:
            raise EvidenceError(
                f"self-test of {metric.name}",
                f"expected scores that can fall by {regression:g}, got "
                f"{float(metric_of_sums(metric, whole)):.3f}",
                "Use recorded scores of better systems.",
            )
        return float(brentq(fallen, 0.0, 1.0))

    def draw(
        self, spoiled_share: float, rng: np.random.Generator, candidates: int
    ) -> tuple[list[Evaluation], Evaluation]:
        """As many documents as were recorded, drawn with replacement.

        In each document the two systems are swapped with a chance of one half, which makes them
        exchangeable; each candidate's answers to a share of the documents are then spoiled.

        Returns:
            The candidates and their reference, which answered the same rows.
        """
        import numpy as np

        drawn = rng.integers(len(self._rows), size=len(self._rows))
        rows = np.concatenate([self._rows[document] for document in drawn])
        document = np.repeat(np.arange(len(drawn)), [len(self._rows[d]) for d in drawn])
        swapped = rng.integers(2, size=len(drawn))
        made = []
        for _ in range(candidates):
            empty = rng.random(len(drawn)) < spoiled_share
            scores = self._scores[np.where(empty, 2, 0)[document] + swapped[document], rows]
            made.append(self._evaluation(scores, rows, document))
        reference = self._scores[1 - swapped[document], rows]
        return made, self._evaluation(reference, rows, document)

    @cached_property
    def _columns(self) -> list[str]:
        return list(dict.fromkeys(c for m in self.reference.metrics for c in m.columns))

    @cached_property
    def _rows(self) -> list[np.ndarray]:
        """Per document, the positions of its rows."""
        import numpy as np
        import pandas as pd

        codes, _ = pd.factorize(self.reference.frame["cluster"])
        order = np.argsort(codes, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(codes[order])) + 1)

    @cached_property
    def _scores(self) -> np.ndarray:
        """Scores of candidate, reference, spoiled candidate, spoiled reference: 4 x rows x columns."""
        import numpy as np

        pair = (self.candidate, self.reference)
        ids = self.reference.frame["id"]
        frames = [e.frame.set_index("id").loc[ids] for e in (*pair, *map(spoiled, pair))]
        return np.stack([frame[self._columns].to_numpy(dtype=float) for frame in frames])

    def _evaluation(self, scores: np.ndarray, rows: np.ndarray, document: np.ndarray) -> Evaluation:
        import pandas as pd

        frame = pd.DataFrame(scores, columns=self._columns)
        frame["id"] = [f"r{number}" for number in range(len(rows))]
        frame["cluster"] = document.astype(str)
        for column in (c for c in self.reference.frame.columns if c.startswith(SLICE_PREFIX)):
            frame[column] = self.reference.frame[column].to_numpy()[rows]
        return dataclasses.replace(self.reference, frame=frame)
