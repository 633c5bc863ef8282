"""Drawn test sets on arrays of sums, and the rules that a simulated gate tests on them.

Does: say which recorded answers stand for which system, and what they add to a metric.
Does not: draw (evals/pilots.py, evals/planted_losses.py) or decide (evals/simulated_gates.py).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configs.gate_policy import Comparison, Floor
from evals.metric import Metric

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, eq=False)
class View:
    """What recorded documents add to one metric, on all rows or on those of one slice value."""

    metric: Metric
    sums: np.ndarray
    """(versions, documents, 3 * ratios): versions are systems, whole and damaged."""
    rows: np.ndarray
    """Rows of each document, (documents,); 0 where none is of the slice value."""


@dataclass(frozen=True, eq=False)
class Answers:
    """Which recorded answers stand for a system on each drawn document."""

    versions: np.ndarray
    documents: np.ndarray

    def sums(self, view: View) -> np.ndarray:
        """What each drawn document adds, (drawn documents, 3 * ratios)."""
        return np_take(view.sums, self.versions, self.documents)


def np_take(sums: np.ndarray, versions: np.ndarray, documents: np.ndarray) -> np.ndarray:
    """One version of each document."""
    taken: np.ndarray = sums[versions, documents]
    return taken


@dataclass(frozen=True, eq=False)
class Drawn:
    """One drawn test set, answered by candidates and references."""

    documents: np.ndarray
    """Recorded document behind each drawn one, which tells rows and sizes."""
    alone: tuple[Answers, ...]
    """Per candidate, for floors."""
    pairs: tuple[tuple[tuple[Answers, Answers], ...], ...]
    """Per candidate and reference: answers of the candidate and of that reference."""


@dataclass(frozen=True)
class SimulatedClause:
    """One required rule on the lifecycle's task."""

    rule: Comparison | Floor
    view: View = dataclasses.field(repr=False)
    name: str
    """For people: `micro_f1 against baseline`."""
    reference: int | None = None
    """Which of the drawn references it compares with; None for a floor."""

    @property
    def threshold(self) -> float:
        """-margin or minimum."""
        return -self.rule.margin if isinstance(self.rule, Comparison) else self.rule.minimum

    @property
    def is_equivalence(self) -> bool:
        """Whether it must hold on both sides."""
        return isinstance(self.rule, Comparison) and self.rule.test == "equivalence"
