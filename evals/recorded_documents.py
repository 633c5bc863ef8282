"""Recorded scores as arrays of sums per document, ready to be drawn from.

Does: line up versions of the same rows, sum them per document for every clause of a policy. Does not:
draw or decide (evals/simulated_gates.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from configs.gate_policy import GateConfig
from evals.drawn_documents import SimulatedClause, View
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.evidence import slices_of
from evals.metric import Metric
from evals.stats.totals import cluster_sums

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True, eq=False)
class RecordedDocuments:
    """The same rows as several systems answered them, or as they would be after a loss."""

    versions: tuple[Evaluation, ...]
    """Of the same rows in the same order."""

    @cached_property
    def keys(self) -> np.ndarray:
        """Documents, sorted."""
        import numpy as np

        return np.unique(self.versions[0].frame["cluster"].to_numpy())

    def view(self, metric: Metric, chosen: pd.Series | None = None) -> View:
        """Sums of one metric per version and document.

        Args:
            chosen: which rows count; all if None.
        """
        import numpy as np

        frames = [e.frame if chosen is None else e.frame[chosen] for e in self.versions]
        counts = frames[0].groupby("cluster", sort=True).size()
        places = np.searchsorted(self.keys, counts.index.to_numpy())
        sums = np.zeros((len(frames), len(self.keys), 3 * len(metric.ratios)))
        rows = np.zeros(len(self.keys), dtype=int)
        rows[places] = counts.to_numpy()
        for version, frame in enumerate(frames):
            if len(places):
                sums[version, places] = cluster_sums(frame, metric)
        return View(metric, sums, rows)

    def clauses(self, policy: GateConfig, references: Sequence[str]) -> Iterator[SimulatedClause]:
        """Every required comparison and floor on the lifecycle's task, each slice value by itself.

        Args:
            references: those that are drawn, in their order; comparisons with others are left out.
        Raises:
            EvidenceError: when a metric or a slice is not of the task.
        """
        first = self.versions[0]
        for rule in policy.comparisons:
            if not rule.required or rule.task is not None:
                continue
            view = self.view(first.metric(rule.metric))
            for name in rule.references:
                if name in references:
                    shown = f"{rule.metric} against {name}"
                    yield SimulatedClause(rule, view, shown, references.index(name))
        for floor in policy.floors:
            if not floor.required or floor.task is not None:
                continue
            metric, shown = first.metric(floor.metric), f"{floor.metric} at least {floor.minimum:g}"
            if floor.slice is None:
                yield SimulatedClause(floor, self.view(metric), shown)
                continue
            for value, _ in slices_of(first, floor.slice):
                chosen = first.frame[f"{SLICE_PREFIX}{floor.slice}"].astype(str) == value
                where = f"{shown} where {floor.slice} = {value}"
                yield SimulatedClause(floor, self.view(metric, chosen), where)
