"""The rows on which a system misses what a policy calls critical.

Does: find them, count what was missed and wrongly claimed, and name the missed items where gold
answers are given. Does not: decide whether texts may be shown (the caller passes gold only then).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from configs.critical_labels import CriticalLabel
from evals.critical_rows import rows_of_rule
from evals.evaluation import Evaluation

if TYPE_CHECKING:
    from configs.task import TaskConfig

LONGEST_TEXT = 200
"""Characters of a missed item or an answer that are kept."""


@dataclass(frozen=True)
class Gold:
    """The right answers of the test rows. They may name people."""

    task: TaskConfig
    targets: Mapping[str, Any]
    """Row id -> target."""


@dataclass(frozen=True)
class CriticalMiss:
    """One row on which something critical was missed, or wrongly claimed where precision counts."""

    rule: str
    """What the rule is about, in words."""
    id: str
    cluster: str
    gold: int
    """Items that were there to be found."""
    missed: int
    """False negatives."""
    wrongly_claimed: int
    """False positives."""
    texts: tuple[str, ...] = ()
    """What was missed; () where texts may not be shown, or where nothing was."""


def critical_misses(
    rule: CriticalLabel, evaluation: Evaluation, gold: Gold | None = None
) -> tuple[CriticalMiss, ...]:
    """Every row with a false negative of a critical label, and for precision and F1 also those with
    false positives alone; most missed first, then in row order.

    Args:
        gold: right answers, if their texts may be shown.
    Raises:
        EvidenceError: when the evaluation does not measure what the rule is about.
    """
    frame = rows_of_rule(rule, evaluation).frame
    found = []
    for row in frame.to_dict("records"):
        right, wrong, missed = (int(row[f"{c}{rule.suffix}"]) for c in ("tp", "fp", "fn"))
        if missed == 0 and (wrong == 0 or rule.measure == "recall"):
            continue
        texts = () if gold is None or missed == 0 else _texts(rule, row, gold)
        found.append(
            CriticalMiss(
                rule=rule.words,
                id=str(row["id"]),
                cluster=str(row["cluster"]),
                gold=right + missed,
                missed=missed,
                wrongly_claimed=wrong,
                texts=texts,
            )
        )
    return tuple(sorted(found, key=lambda miss: -miss.missed))


def _texts(rule: CriticalLabel, row: Mapping[Any, Any], gold: Gold) -> tuple[str, ...]:
    from evals.scorers.extraction import missed_items

    target = gold.targets.get(str(row["id"]))
    if target is None:
        return ()
    if gold.task.kind == "classification":
        return (_shortened(f"{target}, answered as {row['raw_output']}"),)
    if gold.task.kind != "extraction":
        return ()
    missed = missed_items(str(row["raw_output"]), target, gold.task)
    fields = gold.task.fields if rule.field is None else (rule.field,)
    return tuple(_shortened(_as_text(item)) for field in fields for item in missed.get(field, ()))


def _as_text(item: Any) -> str:
    return item if isinstance(item, str) else json.dumps(item, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]} …"
