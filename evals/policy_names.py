"""Whether a policy names only what a task has, before anything is asked or paid for.

Does: compare metrics, slices, fields and labels of a policy with the task; all problems at once, each
with the nearest name. Does not: look at guard tasks, whose metrics lm_eval tells as it scores, or at
rows (evals/critical_sizes.py).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from configs.critical_labels import CriticalLabel
from configs.errors import ConfigError
from configs.gate_policy import GateConfig
from configs.rubric import RubricConfig
from configs.task import TaskConfig
from evals.judge.columns import judge_metrics
from evals.scorers.registry import metrics_of

MOST_LISTED = 12
"""Names that a problem lists where none is near."""


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """The nearest known name as a question, or the known names.

    >>> did_you_mean("alergies", ["problems", "allergies"])
    "did you mean 'allergies'?"
    >>> did_you_mean("x", [])
    'there are none'
    """
    nearest = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if nearest:
        return f"did you mean {nearest[0]!r}?"
    if not known:
        return "there are none"
    more = f" and {len(known) - MOST_LISTED} more" if len(known) > MOST_LISTED else ""
    return f"there are {', '.join(known[:MOST_LISTED])}{more}"


def name_problems(
    policy: GateConfig, task: TaskConfig, rubric: RubricConfig | None = None
) -> tuple[str, ...]:
    """Every name of the policy that the task does not have, one sentence each; () if all is well.

    Args:
        rubric: of the lifecycle's judge, which adds metrics.
    Raises:
        ConfigError: when the scorers of the task themselves are wrong.
    """
    measured = [metric.name for metric in metrics_of(task)]
    if rubric is not None:
        measured += [metric.name for metric in judge_metrics(rubric)]
    problems: list[str] = []
    for number, rule in enumerate(policy.comparisons):
        if rule.task is None:
            problems += _unknown(f"comparisons.{number}.metric", "metric", rule.metric, measured)
    for number, floor in enumerate(policy.floors):
        if floor.task is None:
            problems += _unknown(f"floors.{number}.metric", "metric", floor.metric, measured)
            if floor.slice is not None:
                problems += _unknown(f"floors.{number}.slice", "slice", floor.slice, task.slices)
    for number, label in enumerate(policy.critical):
        problems += _critical_problems(f"critical.{number}", label, task, measured)
    return tuple(problems)


def _unknown(where: str, kind: str, name: str, known: Sequence[str]) -> Iterator[str]:
    if name not in known:
        yield f"{where}: unknown {kind} {name!r}; {did_you_mean(name, known)}"


def _critical_problems(
    where: str, rule: CriticalLabel, task: TaskConfig, measured: Sequence[str]
) -> Iterator[str]:
    fields = task.fields if task.kind == "extraction" else ()
    for kind, name, known in (
        ("field", rule.field, fields),
        ("label", rule.label, task.labels),
        ("slice", rule.slice, task.slices),
    ):
        if name is not None and name not in known:
            yield from _unknown(f"{where}.{kind}", kind, name, known)
            return
    if rule.metric not in measured:
        yield (
            f"{where}: expected a task whose scorers count {rule.measure} ({rule.metric}), got those "
            f"of {task.name}: {', '.join(task.scorer_names)}"
        )


def require_names(
    policy: GateConfig, task: TaskConfig, where: str, rubric: RubricConfig | None = None
) -> None:
    """Refuse a policy that names what the task does not have.

    Args:
        where: whose policy it is, for the message.
    Raises:
        ConfigError: naming every problem.
    """
    problems = name_problems(policy, task, rubric)
    if problems:
        listed = problems[0] if len(problems) == 1 else "".join(f"\n  - {p}" for p in problems)
        raise ConfigError(f"{where}, task {task.name}", listed, "Correct the gate's policy.")
