"""The columns and metrics that a judge adds to an evaluation.

Does: name them, fill them from judgements, choose what an unreadable one counts as.
Does not: ask the judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from configs.rubric import RubricConfig
from evals.evaluation import Evaluation
from evals.judge.judge import Scored
from evals.metric import Metric, Ratio, mean_metric

OVERALL = "judge"
UNREADABLE = "judge.unreadable"
PEOPLE = "people"
Role = Literal["candidate", "reference"]
WORST_FOR: dict[Role, float] = {"candidate": 0.0, "reference": 1.0}
"""What an unreadable judgement counts as: what is worst for the candidate."""


def criterion_column(criterion: str) -> str:
    """Column and metric of a criterion."""
    return f"{OVERALL}.{criterion}"


def people_column(metric: str) -> str | None:
    """Column of what people say where the judge says `metric`; None if no people are asked that."""
    if metric == UNREADABLE or metric.partition(".")[0] != OVERALL:
        return None
    return f"{PEOPLE}{metric.removeprefix(OVERALL)}"


def judge_metrics(rubric: RubricConfig) -> tuple[Metric, ...]:
    """The mean over criteria, the criteria, and the share of unreadable judgements."""
    pass_fail = {c.name: len(c.levels) == 2 for c in rubric.criteria}
    only = len(pass_fail) == 1 and all(pass_fail.values())
    unreadable = Ratio(numerator={UNREADABLE: 1.0})
    return (
        mean_metric(OVERALL, binary=only),
        *(mean_metric(criterion_column(name), binary=b) for name, b in pass_fail.items()),
        Metric(name=UNREADABLE, ratios=(unreadable,), binary=True, higher_is_better=False),
    )


def columns_of(
    rubric: RubricConfig, scored: Sequence[Scored], role: Role = "candidate"
) -> list[dict[str, float | bool]]:
    """Columns `judge`, `judge.CRITERION` and `judge.unreadable` of every answer.

    Args:
        role: of the system; an unreadable judgement counts as 0 for a candidate and 1 for what it
            is compared with.

    Returns:
        Scores in [0, 1], mapped linearly from the scale; `judge` is their mean over criteria.
    """
    lines: list[dict[str, float | bool]] = []
    for answer in scored:
        if answer.scores is None:
            parts = {c.name: WORST_FOR[role] for c in rubric.criteria}
        else:
            parts = {c.name: c.fraction(answer.scores[c.name]) for c in rubric.criteria}
        lines.append(
            {
                OVERALL: sum(parts.values()) / len(parts),
                **{criterion_column(name): value for name, value in parts.items()},
                UNREADABLE: answer.scores is None,
            }
        )
    return lines


def in_role(evaluation: Evaluation, role: Role) -> Evaluation:
    """A judged evaluation with its unreadable judgements counted for a role.

    A system that is candidate in one comparison and reference in another has to be turned before
    each: `paired_difference(in_role(a, "candidate"), in_role(b, "reference"), "judge", ...)` has a
    lower bound that no unreadable judgement can have raised.
    """
    frame = evaluation.frame.copy()
    unreadable = frame[UNREADABLE].astype(bool)
    scores = [
        name
        for name in frame.columns
        if name == OVERALL or (name.startswith(f"{OVERALL}.") and name != UNREADABLE)
    ]
    for name in scores:
        frame.loc[unreadable, name] = WORST_FOR[role]
    return replace(evaluation, frame=frame)
