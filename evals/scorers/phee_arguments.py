"""Scorer `phee-arguments`: the papers' metric of PHEE, so that figures stand beside published ones.

Does: exact-match F1 and token F1 over event arguments, main and sub. Does not: score triggers,
event types, or which argument belongs to which event: a flat answer does not say.

The papers (Sun et al. 2022, arXiv 2210.12560; 2024, arXiv 2402.15663) pool arguments by event type
and role. Here they are pooled by role: gold from the row's `events`, where it has them (an argument
of two events counts twice), else from its flat `target`; the answer from its flat JSON. An answer
with a wrong event type therefore loses nothing, and one without repeats cannot reach 1 where
`events` repeat a string. An answer that repeats a string more often than the gold, or names more than
2 x gold + 3 false ones, loses less than in the papers: see evals/scorers/false_items.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from configs.task import TaskConfig
from evals.metric import Metric, Ratio
from evals.scorers.false_items import CAP_WORDS, capped, without_surplus_copies
from evals.scorers.json_answer import parse_answer
from evals.scorers.scorer import FP_LEFT_OUT, Columns, RowScorer
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


@dataclass(frozen=True)
class _Items:
    """Arguments of one role, whole or token by token."""

    gold: Counter[str]
    got: Counter[str]
    counted: Counter[str]
    """What was got, without strings repeated beyond the gold."""

    @property
    def right(self) -> int:
        return (self.gold & self.got).total()

    @property
    def distinct_false(self) -> int:
        return (self.counted - self.gold).total()


def _whole(gold: Sequence[list[str]], got: Sequence[list[str]]) -> _Items:
    wanted, found = (Counter(map(" ".join, strings)) for strings in (gold, got))
    return _Items(wanted, found, without_surplus_copies(wanted, found))


def _single(gold: Sequence[list[str]], got: Sequence[list[str]]) -> _Items:
    wanted, found = (Counter(t for tokens in strings for t in tokens) for strings in (gold, got))
    counted: Counter[str] = Counter()
    for string, copies in _whole(gold, got).counted.items():
        for token in string.split():
            counted[token] += copies
    return _Items(wanted, found, counted)


class PheeArgumentsScorer(RowScorer):
    """Arguments of pharmacovigilance events."""

    measures = (
        f"event arguments by the papers' exact-match F1 and token F1, pooled by role; {CAP_WORDS}"
    )

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
        """True positives, false positives and false negatives: whole strings and single tokens;
        and how many false ones are left out."""
        golds = row.get("events") or [row["target"]]
        answer = [parse_answer(text) or {}]
        pooled = {
            role: (list(_pooled(golds, role)), list(_pooled(answer, role)))
            for role in roles_of(task)
        }
        totals: Counter[str] = Counter()
        for count, take in (("em", _whole), ("token", _single)):
            items = {role: take(*strings) for role, strings in pooled.items()}
            counting = capped(
                {role: of.distinct_false for role, of in items.items()},
                sum(of.gold.total() for of in items.values()),
            )
            for role, of in items.items():
                group = ".main" if role in MAIN_ROLES else ".sub"
                for suffix in ("", group, f".{role}"):
                    totals[f"{count}_tp{suffix}"] += of.right
                    totals[f"{count}_fp{suffix}"] += counting[role]
                    totals[f"{count}_fn{suffix}"] += of.gold.total() - of.right
                left_out = of.got.total() - of.right - counting[role]
                totals[f"{FP_LEFT_OUT}.{count}"] += left_out
        return {
            **{c: totals[c] for metric in self.metrics(task) for c in metric.columns},
            **{f"{FP_LEFT_OUT}.{c}": totals[f"{FP_LEFT_OUT}.{c}"] for c in ("em", "token")},
        }


def _f1(count: str, suffix: str) -> Ratio:
    tp, fp, fn = (f"{count}_{part}{suffix}" for part in ("tp", "fp", "fn"))
    return Ratio(numerator={tp: 2.0}, denominator={tp: 2.0, fp: 1.0, fn: 1.0}, missed={fn: 1.0})
