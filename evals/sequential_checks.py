"""The rules of a sequential policy, settled as batches of documents come in.

Does: bounds of every comparison and floor after each batch, and whether anything is left to learn.
Does not: ask the candidate (evals/sequential_evaluation.py).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, Floor, GateConfig
from configs.gate_settings import Sequential
from evals.checks import Level, outcome_of_all, references_of, settled
from evals.decision import Check, Outcome
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.metric import ROWS, Metric, Ratio
from evals.sequential_evaluation import batches_of
from evals.stats.betting import can_bet
from evals.stats.paired import require_paired
from evals.stats.sequential_bounds import (
    Asked,
    SequentialBounds,
    betting_bounds,
    group_sequential_bounds,
)
from evals.stats.totals import cluster_sums

if TYPE_CHECKING:
    import numpy as np

BETTING = "betting confidence sequence"
GROUP_SEQUENTIAL = "group-sequential looks: "


COUNTED_ROWS = Metric(name="rows", ratios=(Ratio(numerator={ROWS: 1.0}),))
"""Its sums are numbers of rows."""


@dataclass(frozen=True)
class Clause:
    """One rule against one reference, and its bounds so far."""

    rule: Comparison | Floor
    reference: str | None
    """How the policy calls the reference; None for a floor."""
    system: str | None
    """Which evaluation it is."""
    betting: bool
    """Whether the bounds are those of betting; group-sequential otherwise."""
    history: list[SequentialBounds] = field(default_factory=list)

    @property
    def threshold(self) -> float:
        """-margin or minimum."""
        return -self.rule.margin if isinstance(self.rule, Comparison) else self.rule.minimum

    @property
    def name(self) -> str:
        """For a plot's legend."""
        against = f" against {self.reference}" if self.reference else ", minimum"
        return f"{self.rule.metric}{against}"


@dataclass(frozen=True)
class _Bounds:
    """A check's bounds in the form that every check has."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str


class SequentialGate:
    """Every rule on the lifecycle's task for one candidate; told each batch, it says when to stop."""

    def __init__(
        self,
        policy: GateConfig,
        candidate: str,
        evidence: Evidence,
        level: Level,
        design: Evaluation,
    ) -> None:
        """Args:
        evidence: complete evaluations of the references.
        design: any complete evaluation, which tells the documents and their numbers of rows.
        """
        if policy.sequential is None:
            raise EvidenceError("gate", "expected a sequential policy, got none", "Set sequential.")
        self.policy, self.level, self.candidate = policy, level, candidate
        self.sequential: Sequential = policy.sequential
        self.evidence = evidence
        self.total_documents = design.clusters
        self.batches = batches_of(
            design.frame["cluster"].astype(str), self.sequential.batch_documents, level.seed
        )
        self.design = design
        rows_per_document = design.frame.groupby("cluster").size()
        bets = self.sequential.method == "betting"
        self.clauses: list[Clause] = []
        for rule in policy.comparisons:
            if rule.task is None:
                for reference, system in references_of(rule, candidate, evidence):
                    metric = evidence.of(system, None).metric(rule.metric)
                    betting = bets and can_bet(metric, rows_per_document)
                    self.clauses.append(Clause(rule, reference, system, betting))
        for floor in policy.floors:
            if floor.task is None:
                betting = bets and can_bet(design.metric(floor.metric), rows_per_document)
                self.clauses.append(Clause(floor, None, None, betting))
        self._answered: list[Evaluation] = []

    def update(self, batch: Evaluation) -> None:
        """Take in the candidate's scores of the next batch of documents.

        Raises:
            EvidenceError: when these are not the rows of the next batch.
        """
        self._require_next(batch)
        self._answered.append(batch)
        for clause in self.clauses:
            clause.history[:] = self._bounds(clause)

    def replay(self, batches: Iterable[Evaluation]) -> None:
        """Take in batches as `update` would one by one, up to the one that settles the outcome.

        Raises:
            EvidenceError: when these are not the rows of the next batches.
        """
        for batch in batches:
            self._require_next(batch)
            self._answered.append(batch)
        histories = [self._bounds(clause) for clause in self.clauses]
        answered, self._answered = self._answered, []
        for number, batch in enumerate(answered):
            self._answered.append(batch)
            for clause, history in zip(self.clauses, histories, strict=True):
                clause.history[:] = history[: number + 1]
            if self.settled:
                break

    def _require_next(self, batch: Evaluation) -> None:
        number = len(self._answered)
        if set(batch.frame["cluster"].astype(str)) != set(self.batches[number]):
            raise EvidenceError(
                f"sequential evaluation of {self.candidate}",
                f"expected the documents of batch {number + 1}, got others",
                "Evaluate again from the start.",
            )

    @property
    def documents(self) -> int:
        """Documents asked so far."""
        return sum(len(batch) for batch in self.batches[: len(self._answered)])

    @property
    def settled(self) -> bool:
        """Whether the outcome is certain, after enough documents to say so."""
        if self.documents < self._fewest:
            return False
        required = [self._outcome(c.history[-1]) for c in self.clauses if c.rule.required]
        return outcome_of_all(required) != "inconclusive"

    def _outcome(self, bounds: SequentialBounds) -> Outcome:
        """Nothing is settled by fewer documents with something to count than the policy asks for."""
        if bounds.carriers < self.policy.min_clusters:
            return "inconclusive"
        if bounds.shown:
            return "promote"
        return "reject" if bounds.excluded else "inconclusive"

    def checks(self) -> list[Check]:
        """Every rule's record after the batches so far."""
        rows = sum(part.rows for part in self._answered)
        return [self._check(clause, rows) for clause in self.clauses]

    def _check(self, clause: Clause, rows: int) -> Check:
        last = clause.history[-1]
        outcome = self._outcome(last)
        alpha = self.level.of(clause.rule.alpha)
        method = BETTING if clause.betting else self._method
        found = _Bounds(last.value, last.low, last.high, rows, last.clusters, method)
        return settled(
            clause.rule,
            kind="non-inferiority" if clause.reference else "floor",
            metric=clause.rule.metric,
            task=self._answered[0].task,
            threshold=clause.threshold,
            outcome=outcome,
            # All that a sequence tells about p: whether it is below the level it was run at.
            p_value=alpha if outcome == "promote" else 1.0,
            found=found,
            alpha=alpha,
            min_clusters=self.policy.min_clusters,
            reference=clause.reference,
            carriers=last.carriers,
        )

    @property
    def _method(self) -> str:
        """How group-sequential bounds came about, for the record."""
        return f"{GROUP_SEQUENTIAL}{self.sequential.looks}, {self.sequential.spending} spending"

    @property
    def _looks(self) -> list[int]:
        """Documents at each look: ends of batches, about evenly spaced, the last at all documents."""
        ends = self._ends(len(self.batches))
        fewest = min(self._fewest, self.total_documents)
        count = self.sequential.looks
        wanted = (self.total_documents * (number + 1) / count for number in range(count))
        nearest = {min(ends, key=lambda end: abs(end - goal)) for goal in wanted}
        return sorted({*(end for end in nearest if end >= fewest), self.total_documents})

    @property
    def _fewest(self) -> int:
        return max(self.sequential.documents_before_stopping, self.policy.min_clusters)

    def _ends(self, batches: int) -> list[int]:
        """Documents after each of the first batches."""
        ends, total = [], 0
        for part in self.batches[:batches]:
            total += len(part)
            ends.append(total)
        return ends

    def _bounds(self, clause: Clause) -> list[SequentialBounds]:
        metric = self._answered[0].metric(clause.rule.metric)
        ours = _concatenated(self._answered)
        theirs = None
        if clause.system is not None:
            reference = self.evidence.of(clause.system, None)
            rows = reference.frame[reference.frame["id"].isin(ours.frame["id"])]
            reference = dataclasses.replace(reference, frame=rows)
            require_paired(ours, reference)
            theirs = self._in_order(reference, metric)
        ends = self._ends(len(self._answered))
        asked = Asked(
            self._in_order(ours, metric),
            theirs,
            self._in_order(ours, COUNTED_ROWS)[:, 1],
            self._in_order(self.design, metric, self.batches),
        )
        alpha = self.level.of(clause.rule.alpha)
        if clause.betting:
            return betting_bounds(metric, asked, clause.threshold, alpha=alpha, ends=ends)
        return group_sequential_bounds(
            metric,
            asked,
            clause.threshold,
            alpha=alpha,
            looks=self._looks,
            ends=ends,
            spending=self.sequential.spending,
        )

    def _in_order(
        self, evaluation: Evaluation, metric: Metric, batches: Sequence[Sequence[str]] | None = None
    ) -> np.ndarray:
        """Cluster sums in the order in which documents are asked; of the batches answered so far
        unless others are named."""
        import numpy as np

        keys = np.unique(evaluation.frame["cluster"].to_numpy())
        place = {str(key): number for number, key in enumerate(keys)}
        used = self.batches[: len(self._answered)] if batches is None else batches
        asked = [document for batch in used for document in batch]
        return cluster_sums(evaluation.frame, metric)[[place[document] for document in asked]]


def _concatenated(parts: Sequence[Evaluation]) -> Evaluation:
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    frame = pd.concat([part.frame for part in parts], ignore_index=True)
    return dataclasses.replace(parts[0], frame=frame)


def sequential_checks(
    policy: GateConfig, candidate: str, evidence: Evidence, level: Level
) -> list[Check]:
    """The checks of a candidate whose rows were, or could have been, asked in batches.

    The batches are replayed in the order that the seed gives, and no row after the one at which the
    outcome was settled is looked at.

    Raises:
        EvidenceError: when the candidate's rows are not whole batches in that order.
    """
    ours = evidence.of(candidate, None)
    complete = max(evidence.evaluations.values(), key=lambda evaluation: evaluation.rows)
    gate = SequentialGate(policy, candidate, evidence, level, complete)
    batch_of = {document: n for n, batch in enumerate(gate.batches) for document in batch}
    numbers = ours.frame["cluster"].astype(str).map(batch_of)
    gate.replay(
        dataclasses.replace(ours, frame=frame)
        for _, frame in ours.frame.groupby(numbers, sort=True)
    )
    return gate.checks()
