"""Test sets of any size, drawn from systems that were evaluated before a candidate exists.

Does: draw documents with candidates of a planned true difference, from two systems or from one.
Does not: decide (evals/simulated_gates.py) or search for a size (evals/preflight.py).

Two systems stand for candidate and reference, swapped in each document with a chance of one half, so
that their true difference is 0 and they disagree as often as they do. Where candidates have a second
reference, it is swapped the same way in three of four documents and the other way in one: differences
from two references have a correlation of 1/2 if all three systems are exchangeable.

One system stands for itself; a candidate agrees with it in a share of the documents and in the others
has the scores of another document of about that size.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from configs.gate_policy import GateConfig
from evals.drawn_documents import Answers, Drawn
from evals.evaluation import Evaluation
from evals.planted_losses import NotPlanted, plant
from evals.planted_regressions import spoiled
from evals.recorded_documents import RecordedDocuments
from evals.stats.contributions import document_weights
from evals.stats.paired import require_paired

if TYPE_CHECKING:
    import numpy as np

OTHER_REFERENCE = 0.25
"""Chance that a second reference is swapped the other way."""
SIBLINGS_DIFFER = 0.1
"""Chance that another candidate answers a document otherwise than the first."""
NEIGHBOURS = 0.05
"""Share of documents, on either side in order of size, that count as of about one size."""


@dataclass(frozen=True, eq=False)
class Pilot:
    """Systems evaluated so far, and the candidate that is planned for."""

    recorded: RecordedDocuments
    """Versions: the systems, then the same systems after a total loss."""
    references: tuple[str, ...]
    """Those that a candidate will be compared with."""
    weights: np.ndarray
    """Of documents, to know which are of one size."""
    agreement: float | None
    """Share of documents on which a candidate agrees with the one system; None with two systems."""
    lost_by_candidate: float
    lost_by_reference: float
    """Share of documents whose answers are lost, for a true difference below or above 0."""

    def draw(self, documents: int, rng: np.random.Generator, candidates: int) -> Drawn:
        """So many documents, with replacement, as candidates and references would answer them."""
        drawn = rng.integers(len(self.recorded.keys), size=documents)
        if self.agreement is None:
            return self._of_two(drawn, rng, candidates)
        return self._of_one(drawn, rng, candidates)

    def _of_two(self, drawn: np.ndarray, rng: np.random.Generator, candidates: int) -> Drawn:
        import numpy as np

        size = len(drawn)
        first = rng.integers(2, size=size)
        swaps = [first]
        for _ in self.references[1:]:
            swaps.append(np.where(rng.random(size) < OTHER_REFERENCE, 1 - first, first))
        lost_reference = np.where(rng.random(size) < self.lost_by_reference, 2, 0)
        alone, pairs = [], []
        for number in range(candidates):
            differs = rng.random(size) < (SIBLINGS_DIFFER if number else 0.0)
            lost = np.where(rng.random(size) < self.lost_by_candidate, 2, 0)
            alone.append(Answers(lost, drawn))  # as the better known system, the first
            pairs.append(
                tuple(
                    (
                        Answers(np.where(differs, 1 - swap, swap) + lost, drawn),
                        Answers(1 - swap + lost_reference, drawn),
                    )
                    for swap in swaps
                )
            )
        return Drawn(drawn, tuple(alone), tuple(pairs))

    def _of_one(self, drawn: np.ndarray, rng: np.random.Generator, candidates: int) -> Drawn:
        import numpy as np

        size, agreement = len(drawn), self.agreement or 0.0
        partners = np.where(rng.random(size) < agreement, drawn, self._neighbours(drawn, rng))
        reference = Answers(np.where(rng.random(size) < self.lost_by_reference, 1, 0), drawn)
        alone, pairs = [], []
        for number in range(candidates):
            differs = rng.random(size) < (SIBLINGS_DIFFER if number else 0.0)
            mine = np.where(differs, self._neighbours(drawn, rng), partners)
            lost = np.where(rng.random(size) < self.lost_by_candidate, 1, 0)
            alone.append(Answers(lost, drawn))
            pairs.append(tuple((Answers(lost, mine), reference) for _ in self.references))
        return Drawn(drawn, tuple(alone), tuple(pairs))

    def _neighbours(self, drawn: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Another document of about the size of each."""
        import numpy as np

        order, place = self._by_size
        count = len(order)
        reach = max(2, round(NEIGHBOURS * count))
        steps = rng.integers(1, reach + 1, size=len(drawn)) * rng.choice([-1, 1], size=len(drawn))
        at = place[drawn] + steps
        at = np.where((at < 0) | (at >= count), place[drawn] - steps, at).clip(0, count - 1)
        return np.asarray(order[at])

    @cached_property
    def _by_size(self) -> tuple[np.ndarray, np.ndarray]:
        import numpy as np

        order = np.argsort(self.weights, kind="stable")
        place = np.empty(len(order), dtype=int)
        place[order] = np.arange(len(order))
        return order, place


def pilot_of_two(policy: GateConfig, champion: Evaluation, baseline: Evaluation) -> Pilot:
    """A pilot from the scores of champion and baseline on the same rows.

    Raises:
        EvidenceError: when they do not pair.
    """
    require_paired(champion, baseline)
    ids = baseline.frame["id"]
    aligned = champion.frame.set_index("id").loc[ids].reset_index()
    pair = (
        dataclasses.replace(champion, frame=aligned),
        dataclasses.replace(baseline, frame=baseline.frame.reset_index(drop=True)),
    )
    return _pilot(policy, pair, ("baseline", "champion"), None)


def pilot_of_one(
    policy: GateConfig, system: Evaluation, agreement: float, reference: str = "baseline"
) -> Pilot:
    """A pilot from the scores of one system alone.

    Args:
        reference: what the policy calls that system.
        agreement: correlation assumed between the scores of a candidate and the system on a
            document, given its size; in [0, 1].
    """
    return _pilot(policy, (system,), (reference,), agreement)


def _pilot(
    policy: GateConfig,
    systems: tuple[Evaluation, ...],
    references: tuple[str, ...],
    agreement: float | None,
) -> Pilot:
    recorded = RecordedDocuments((*systems, *map(spoiled, systems)))
    rule = next(r for r in policy.comparisons if r.required and r.task is None)
    metric = systems[0].metric(rule.metric)
    sums = recorded.view(metric).sums
    difference = policy.preflight.expected_difference
    share = 0.0
    if difference:
        planted = plant("random documents", systems[0], systems[-1], metric, abs(difference))
        share = 1.0 if isinstance(planted, NotPlanted) else planted.chance
    return Pilot(
        recorded,
        tuple(name for name in references if name in rule.references) or references[:1],
        document_weights(metric, *sums[: len(systems)]),
        agreement,
        lost_by_candidate=share if difference < 0 else 0.0,
        lost_by_reference=share if difference > 0 else 0.0,
    )
