"""All evaluations that one decision rests on: systems on the lifecycle's task and on guard tasks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from configs.errors import EvidenceError
from evals.evaluation import SLICE_PREFIX, Evaluation


@dataclass(frozen=True)
class Evidence:
    """Evaluations by system, and their digests."""

    evaluations: Mapping[str, Evaluation]
    """System -> evaluation on the lifecycle's task: candidates, `baseline`, perhaps `champion`."""
    digests: Mapping[str, str]
    """`system`, or `task/system` of a guard task, -> digest of the stored evaluation."""
    guards: Mapping[str, Mapping[str, Evaluation]] = field(default_factory=dict)
    """Guard task -> system -> evaluation."""
    asked_again: Mapping[str, Evaluation] = field(default_factory=dict)
    """System -> second answers to some of its rows on the lifecycle's task."""

    def __post_init__(self) -> None:
        known = {*self.evaluations, *(f"{t}/{s}" for t, by in self.guards.items() for s in by)}
        if undigested := sorted(known - set(self.digests)):
            raise EvidenceError(
                "gate",
                f"expected a digest of every evaluation, got none of {undigested}",
                "Pass their digests with them.",
            )

    @property
    def everything(self) -> Iterator[Evaluation]:
        """Every evaluation that there is, second answers included."""
        for by_system in (self.evaluations, *self.guards.values(), self.asked_again):
            yield from by_system.values()

    def of(self, system: str, task: str | None) -> Evaluation:
        """The evaluation of a system on a guard task, or on the lifecycle's task if None.

        Raises:
            EvidenceError: when there is none.
        """
        evaluations = self.evaluations if task is None else self.guards.get(task, {})
        if system not in evaluations:
            where = "the lifecycle's task" if task is None else f"guard task {task}"
            raise EvidenceError(
                f"gate: {system} on {where}",
                f"expected an evaluation, got those of {sorted(evaluations) or 'no system'}",
                "Evaluate it first, or take the rule out of the gate's policy.",
            )
        return evaluations[system]


def slices_of(evaluation: Evaluation, name: str) -> Iterator[tuple[str, Evaluation]]:
    """Each value of a slice, in order, with the evaluation restricted to its rows.

    Raises:
        EvidenceError: when the task declares no such slice.
    """
    column = f"{SLICE_PREFIX}{name}"
    if column not in evaluation.frame.columns:
        declared = [
            c.removeprefix(SLICE_PREFIX)
            for c in evaluation.frame.columns
            if c.startswith(SLICE_PREFIX)
        ]
        raise EvidenceError(
            f"{evaluation.system} on {evaluation.task}",
            f"expected one of the slices {declared}, got {name!r}",
            "Correct the gate's policy, or declare the slice in the task.",
        )
    for value in sorted(evaluation.frame[column].unique()):
        rows = evaluation.frame[evaluation.frame[column] == value]
        yield str(value), dataclasses.replace(evaluation, frame=rows.reset_index(drop=True))
