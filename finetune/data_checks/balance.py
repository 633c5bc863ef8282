"""How often each class or field occurs, and what that means for measuring it.

Does: count; name classes that training lacks, classes too rare to measure, and the best fixed answer.
Does not: compare distributions (drift.py).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence

from configs.data_checks import DataChecks
from configs.task import TaskConfig
from finetune.data_checks.findings import ClassCount, Finding, Number, finding
from finetune.data_checks.intervals import INTERVAL, share_interval, share_of_rows
from finetune.data_checks.rows import CheckedRow, canonical
from finetune.data_checks.targets import NOTHING, categories, is_value, shown_target


def class_counts(rows: Sequence[CheckedRow], task: TaskConfig) -> tuple[ClassCount, ...]:
    """Gold items by class or field of one split, in the order of the schema or the labels.

    The share of a `field=value` is of the field's items, that of a class or field of all items.
    """
    items: Counter[str] = Counter()
    with_items: Counter[str] = Counter()
    for row in rows:
        named = categories(row.target, task)
        items.update(named)
        with_items.update(set(named))
    total = sum(count for name, count in items.items() if not is_value(name))
    order = {name: i for i, name in enumerate([*task.labels, *task.fields])}
    names = sorted(items, key=lambda name: (order.get(_owner(name), len(order)), name))
    counts = []
    for name in names:
        whole = sum(n for c, n in items.items() if c.startswith(f"{name.partition('=')[0]}="))
        counts.append(
            ClassCount(
                split=rows[0].split,
                name=name,
                items=items[name],
                share=items[name] / (whole if is_value(name) else total),
                rows=with_items[name],
                rows_share=with_items[name] / len(rows),
            )
        )
    return tuple(counts)


def _owner(name: str) -> str:
    return name.partition("=")[0].partition(".")[0]


def unseen_classes(
    train: Sequence[CheckedRow],
    evaluation: Sequence[CheckedRow],
    task: TaskConfig,
    policy: DataChecks,
) -> Finding:
    """Classes, fields and values of evaluation that training never shows.

    The action is that of `unseen_classes`, which must not be off.
    """
    seen = {name for row in train for name in categories(row.target, task)}
    rows_of: dict[str, list[str]] = {}
    for row in evaluation:
        for name in set(categories(row.target, task)) - seen:
            rows_of.setdefault(name, []).append(row.id)
    names = sorted(rows_of)
    shown = "; ".join(f"{name} ({len(rows_of[name])} rows)" for name in names[: policy.shown_ids])
    concerned = list(dict.fromkeys(row_id for name in names for row_id in rows_of[name]))
    return finding(
        "unseen_classes",
        policy.unseen_classes,
        bool(names),
        f"Evaluation has {len(names)} classes or fields that training never shows"
        + (f": {shown}." if names else "."),
        concerned,
        [Number(name="rows with one", value=len(concerned), n=len(evaluation), n_unit="rows")],
        policy.shown_ids,
    )


def few_gold_items(
    evaluation: Sequence[CheckedRow], task: TaskConfig, policy: DataChecks
) -> Finding | None:
    """Classes and fields with too few gold items in evaluation for a narrow interval.

    The ids of the finding are names of classes or fields. None for kinds of task without any; the
    action is that of `few_gold_items`, which must not be off.
    """
    settings = policy.few_gold_items
    counted = dict.fromkeys((*task.labels, *task.fields), 0) if task.kind != "grounded-qa" else {}
    for count in class_counts(evaluation, task):
        if not is_value(count.name) and count.name != NOTHING:
            counted[count.name] = count.items
    if not counted:
        return None
    rare = {n: c for n, c in sorted(counted.items(), key=lambda i: i[1]) if c < settings.min_items}
    shown = ", ".join(f"{name} ({count})" for name, count in list(rare.items())[: policy.shown_ids])
    numbers = [_recall_width(name, count) for name, count in rare.items() if count][:3]
    return finding(
        "few_gold_items",
        settings.action,
        bool(rare),
        f"{len(rare)} of {len(counted)} classes or fields have fewer than {settings.min_items} gold "
        f"items in evaluation" + (f": {shown}. Their own scores say little." if rare else "."),
        rare,
        numbers,
        policy.shown_ids,
    )


def _recall_width(name: str, items: int) -> Number:
    half = items // 2
    low, high = share_interval(half, items)
    return Number(
        name=f"a recall of {name} of about one half",
        value=half / items,
        low=low,
        high=high,
        range_of=INTERVAL,
        n=items,
        n_unit="items",
    )


def majority(
    train: Sequence[CheckedRow],
    evaluation: Sequence[CheckedRow],
    task: TaskConfig,
    policy: DataChecks,
) -> Finding:
    """How many evaluation rows one fixed answer gets right.

    Two answers are tried: the most common one of training, which is the baseline that a model must
    beat, and the most common one of evaluation, which no fixed answer beats. The action is that of
    `majority`, which must not be off.
    """
    settings = policy.majority
    documents = [row.doc_id for row in evaluation]
    answers = [canonical(row.target) for row in evaluation]
    of_train = _most_common([canonical(row.target) for row in train])
    of_evaluation = _most_common(answers)
    tried: Mapping[str, str] = {"training": of_train, "evaluation": of_evaluation}
    numbers = [
        share_of_rows(
            f"rows right by always giving the most common answer of {split}",
            [own == answer for own in answers],
            documents,
            policy.seed,
        )
        for split, answer in tried.items()
    ]
    best = numbers[1]
    one = len(set(answers)) == 1
    shown = shown_target(json.loads(of_evaluation), task)
    answer_shown = "" if shown is None else f" `{shown}`"
    sentence = (
        f"All {len(answers)} evaluation rows have the same answer{answer_shown}: nothing can be "
        "measured."
        if one
        else f"Always giving one answer{answer_shown} is right for {best.value:.1%} of {len(answers)} "
        f"evaluation rows, and the most common answer of training for {numbers[0].value:.1%}."
    )
    return finding(
        "majority", settings.action, one or best.value > settings.share, sentence, (), numbers
    )


def _most_common(answers: Sequence[str]) -> str:
    counts = Counter(answers)
    return min(counts, key=lambda answer: (-counts[answer], answer))
