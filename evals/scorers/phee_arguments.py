"""Scorer `phee-arguments`: the papers' metric of PHEE, so that figures stand beside published ones.

Does: exact-match F1 and token F1 over event arguments, main and sub. Does not: score triggers,
event types, or which argument belongs to which event: a flat answer does not say.

The papers (Sun et al. 2022, arXiv 2210.12560; 2024, arXiv 2402.15663) pool arguments by event type
and role. Here they are pooled by role: gold from the row's `events`, where it has them (an argument
of two events counts twice), else from its flat `target`; the answer from its flat JSON. An answer
with a wrong event type therefore loses nothing, and one without repeats cannot reach 1 where
`events` repeat a string.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from configs.task import TaskConfig
from evals.metric import Metric, Ratio
from evals.scorers.json_answer import parse_answer
from evals.scorers.scorer import Columns, RowScorer
from evals.scorers.text import phee_tokens

MAIN_ROLES = ("subject", "treatment", "effect")
"""Main arguments (Sun et al. 2022, section 3); every other role is a sub-argument."""
NOT_ARGUMENTS = ("event_type",)


def roles_of(task: TaskConfig) -> tuple[str, ...]:
    """Fields of the answer that are arguments."""
    return tuple(field for field in task.fields if field not in NOT_ARGUMENTS)


def _pooled(contents: Sequence[Mapping[str, Any]], role: str) -> Iterator[list[str]]:
    """Tokens of every string of a role; what is no string has none."""
    for content in contents:
        value = content.get(role) or []
        for item in value if isinstance(value, list) else [value]:
            yield phee_tokens(item) if isinstance(item, str) else []


def _counts(gold: Counter[str], got: Counter[str]) -> tuple[int, int, int]:
    right = (gold & got).total()
    return right, got.total() - right, gold.total() - right


class PheeArgumentsScorer(RowScorer):
    """Arguments of pharmacovigilance events."""

    measures = "event arguments by the papers' exact-match F1 and token F1, pooled by role"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """`em_f1` and `token_f1`, micro-averaged over all roles, main roles, sub-roles, and by role."""
        groups = {"": "", "_main": ".main", "_sub": ".sub"}
        groups |= {f".{role}": f".{role}" for role in roles_of(task)}
        return tuple(
            Metric(name=f"{count}_f1{name}", ratios=(_f1(count, suffix),))
            for name, suffix in groups.items()
            for count in ("em", "token")
        )

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """True positives, false positives and false negatives: whole strings and single tokens."""
        golds = row.get("events") or [row["target"]]
        answer = [parse_answer(text) or {}]
        totals: Counter[str] = Counter()
        for role in roles_of(task):
            gold, got = list(_pooled(golds, role)), list(_pooled(answer, role))
            whole = Counter(map(" ".join, gold)), Counter(map(" ".join, got))
            single = (
                Counter(t for tokens in gold for t in tokens),
                Counter(t for tokens in got for t in tokens),
            )
            group = ".main" if role in MAIN_ROLES else ".sub"
            for count, (wanted, found) in (("em", whole), ("token", single)):
                for part, value in zip(("tp", "fp", "fn"), _counts(wanted, found), strict=True):
                    for suffix in ("", group, f".{role}"):
                        totals[f"{count}_{part}{suffix}"] += value
        return {
            column: totals[column] for metric in self.metrics(task) for column in metric.columns
        }


def _f1(count: str, suffix: str) -> Ratio:
    tp, fp, fn = (f"{count}_{part}{suffix}" for part in ("tp", "fp", "fn"))
    return Ratio(numerator={tp: 2.0}, denominator={tp: 2.0, fp: 1.0, fn: 1.0}, missed={fn: 1.0})
