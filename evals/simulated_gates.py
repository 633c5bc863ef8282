"""The gate's own law on many drawn test sets, fast enough to run it thousands of times.

Does: apply a policy's comparisons and floors on the lifecycle's task to documents that were drawn from
recorded ones, with the bounds, corrections and looks of evals/gate.py, on arrays of sums instead of
frames. Does not: choose what is drawn (evals/pilots.py, evals/planted_losses.py).

It says only whether a gate promotes: tests/evals/test_simulated_gates.py holds it against `decide` on
the same documents.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from configs.gate_policy import GateConfig
from evals.checks import Level, outcome_of_bounds
from evals.decision import Look
from evals.drawn_documents import Drawn, SimulatedClause
from evals.gate import strictest_level
from evals.sequential_evaluation import batches_of
from evals.siblings import Test, all_on_the_same_documents
from evals.stats.betting import can_bet
from evals.stats.binary import TangoLaw
from evals.stats.contributions import Contributions, carriers, of_difference, of_value
from evals.stats.max_t import least_correlation, step_down_levels
from evals.stats.multiplicity import holm_levels
from evals.stats.one_sample import ShareLaw
from evals.stats.paired import Law
from evals.stats.sequential_bounds import (
    Asked,
    SequentialBounds,
    betting_bounds,
    group_sequential_bounds,
)
from evals.stats.skew_corrected import SkewCorrectedLaw

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class SimulatedGate:
    """What one gate did."""

    promoted: bool
    held: tuple[bool, ...]
    """Per clause, of the first candidate at the level that it has whatever the others do."""


@dataclass(frozen=True)
class GateOnArrays:
    """A policy's required clauses, ready to be applied to drawn documents."""

    policy: GateConfig
    clauses: tuple[SimulatedClause, ...]
    look: Look
    seed: int = 0
    """Of the order of documents in sequential mode."""
    same_documents: bool | None = None
    """Whether every rule of the real policy rests on the same documents, so that candidates that are
    alike may share alpha; None to take it from `policy`."""

    def run(self, drawn: Drawn) -> SimulatedGate:
        """Apply the policy to one drawn test set."""
        candidates = len(drawn.alone)
        strictest = strictest_level(self.policy, candidates, self.look.alpha, self.seed)
        if self.policy.sequential is not None:
            held = [self._sequential(drawn, c, strictest) for c in range(candidates)]
            return SimulatedGate(any(all(each) for each in held), held[0])
        tested = [
            [_Tested.of(clause, drawn, candidate) for clause in self.clauses]
            for candidate in range(candidates)
        ]
        held = [self._held(each, strictest) for each in tested]
        if candidates == 1 or any(all(each) for each in held):
            return SimulatedGate(any(all(each) for each in held), held[0])
        promoted = self.policy.correction != "bonferroni" and self._stepped(tested, strictest)
        return SimulatedGate(promoted, held[0])

    def _held(self, tested: Sequence[_Tested], level: Level) -> tuple[bool, ...]:
        return tuple(
            each.carriers >= self.policy.min_clusters
            and each.holds(level.of(each.clause.rule.alpha))
            for each in tested
        )

    def _stepped(self, tested: Sequence[Sequence[_Tested]], strictest: Level) -> bool:
        """Whether any candidate passes at the level that the p-values of all give it."""
        alpha = self.look.alpha
        most = Level(alpha, self.seed, alpha / self.policy.alpha)
        if not any(all(self._held(each, most)) for each in tested):
            return False  # no correction is more lenient than none
        p_values = {
            str(number): max(self._p_value(each, strictest) for each in of_one)
            for number, of_one in enumerate(tested)
        }
        if self.policy.correction == "holm":
            levels = holm_levels(p_values, alpha)
        else:
            levels = step_down_levels(p_values, alpha, self._correlation(tested, strictest))
        return any(
            all(self._held(each, Level(own, self.seed, own / self.policy.alpha)))
            for each, own in zip(tested, levels.values(), strict=True)
        )

    def _p_value(self, each: _Tested, level: Level) -> float:
        if each.carriers < self.policy.min_clusters:
            return 1.0
        return min(1.0, each.p_value * level.alpha / level.of(each.clause.rule.alpha))

    def _correlation(self, tested: Sequence[Sequence[_Tested]], level: Level) -> float:
        alike = self.same_documents
        if alike is None:
            alike = all_on_the_same_documents(self.policy)
        if not alike:
            return 0.0
        return least_correlation([[each.test(level.alpha) for each in of_one] for of_one in tested])

    def _sequential(self, drawn: Drawn, candidate: int, level: Level) -> tuple[bool, ...]:
        """Whether each clause held when the outcome was settled, or at all documents."""
        plan = self.policy.sequential
        assert plan is not None
        import numpy as np

        total = len(drawn.documents)
        batches = batches_of(map(str, range(total)), plan.batch_documents, self.seed)
        order = np.array([int(document) for batch in batches for document in batch])
        ends = np.cumsum([len(batch) for batch in batches]).tolist()
        fewest = max(plan.documents_before_stopping, self.policy.min_clusters)
        looks = _looks(ends, total, plan.looks, min(fewest, total))
        betting = plan.method == "betting"
        # Group-sequential bounds change at looks only.
        asked_ends = ends if betting else looks
        histories = []
        for clause in self.clauses:
            asked = _asked(clause, drawn, candidate, order)
            alpha = level.of(clause.rule.alpha)
            if betting and can_bet(clause.view.metric, asked.rows):
                bounds = betting_bounds(
                    clause.view.metric, asked, clause.threshold, alpha=alpha, ends=asked_ends
                )
            else:
                bounds = group_sequential_bounds(
                    clause.view.metric, asked, clause.threshold,
                    alpha=alpha, looks=looks, ends=asked_ends, spending=plan.spending,
                )  # fmt: skip
            histories.append(bounds)
        at_end: tuple[bool, ...] = ()
        for at_look in zip(*histories, strict=True):
            at_end = tuple(self._shown(bounds) for bounds in at_look)
            excluded = any(
                not self._shown(bounds)
                and bounds.excluded
                and bounds.carriers >= self.policy.min_clusters
                for bounds in at_look
            )
            if at_look[0].clusters >= fewest and (all(at_end) or excluded):
                break
        return at_end

    def _shown(self, bounds: SequentialBounds) -> bool:
        return bounds.shown and bounds.carriers >= self.policy.min_clusters


def _looks(ends: Sequence[int], total: int, count: int, fewest: int) -> list[int]:
    """Documents at each look, as `SequentialGate` sets them."""
    wanted = (total * (number + 1) / count for number in range(count))
    nearest = {min(ends, key=lambda end: abs(end - goal)) for goal in wanted}
    return sorted({*(end for end in nearest if end >= fewest), total})


def _asked(clause: SimulatedClause, drawn: Drawn, candidate: int, order: np.ndarray) -> Asked:
    view = clause.view
    if clause.reference is None:
        ours = drawn.alone[candidate].sums(view)[order]
        return Asked(ours, None, view.rows[drawn.documents][order], ours)
    mine, other = drawn.pairs[candidate][clause.reference]
    theirs = other.sums(view)[order]
    return Asked(mine.sums(view)[order], theirs, view.rows[drawn.documents][order], theirs)


@dataclass(frozen=True, eq=False)
class _Tested:
    """One clause on one candidate's drawn documents, at any level."""

    clause: SimulatedClause
    law: Law | None
    """None where no document is of the slice value, so that there is no check at all."""
    contributions: Contributions
    carriers: float

    @classmethod
    def of(cls, clause: SimulatedClause, drawn: Drawn, candidate: int) -> _Tested:
        view = clause.view
        rows = view.rows[drawn.documents]
        present = rows > 0
        metric, answered = view.metric, int(rows.sum())
        law: Law | None = None
        if clause.reference is None:
            sums = drawn.alone[candidate].sums(view)[present]
            if not len(sums):
                import numpy as np

                nothing = Contributions(1.0, np.zeros(0), np.zeros(0))
                return cls(clause, None, nothing, float("inf"))
            contributions = of_value(metric, sums)
            if metric.binary and len(sums) == answered:
                law = ShareLaw(float(sums[:, 0].sum()), len(sums))
            else:
                law = SkewCorrectedLaw(contributions, support=(0.0, 1.0))
            return cls(clause, law, contributions, carriers(metric, sums))
        mine, other = drawn.pairs[candidate][clause.reference]
        ours, theirs = mine.sums(view)[present], other.sums(view)[present]
        if not metric.higher_is_better:
            ours, theirs = theirs, ours
        contributions = of_difference(metric, ours, theirs)
        if metric.binary and len(ours) == answered:
            better = int((ours[:, 0] > theirs[:, 0]).sum())
            worse = int((ours[:, 0] < theirs[:, 0]).sum())
            law = TangoLaw(better, worse, len(ours))
        else:
            law = SkewCorrectedLaw(contributions)
        return cls(clause, law, contributions, carriers(metric, ours, theirs))

    def holds(self, alpha: float) -> bool:
        """Whether the clause is shown at this level, by what is `outcome_of_bounds` of the gate."""
        if self.law is None:
            return True
        value, threshold = self.contributions.value, self.clause.threshold
        if isinstance(self.law, TangoLaw):
            # Its bound is the root of its p-value, which is the quicker way to the same answer.
            if self.p_value >= alpha:
                return False
        elif outcome_of_bounds(min(value, self.law.low(alpha)), 2.0, threshold) != "promote":
            return False
        if self.clause.is_equivalence and not isinstance(self.law, TangoLaw):
            return max(value, self.law.high(alpha)) < -threshold
        return True

    @property
    def p_value(self) -> float:
        """Of the hypothesis that the rule is broken."""
        if self.law is None:
            return 0.0
        value, threshold = self.contributions.value, self.clause.threshold
        p_value = self.law.p_above(threshold)
        if self.clause.reference is not None:
            p_value = min(1.0, p_value) if value > threshold else max(0.5, p_value)
        if self.clause.is_equivalence:
            above = self.law.p_below(-threshold)
            p_value = max(p_value, above if value < -threshold else max(0.5, above))
        return p_value

    def test(self, alpha: float) -> Test:
        """What correlates tests of candidates."""
        unseen = SkewCorrectedLaw(self.contributions).unseen_variance(alpha)
        return self.contributions, unseen
