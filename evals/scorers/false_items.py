"""How many false items of an answer count, so that one answer cannot outweigh all others.

Does: count an item that an answer repeats beyond the gold once, cap the false items of a row, and
share the cap among fields. Does not: find out which items are right (the scorers do).

A model stuck in a loop writes one false item a hundred times, or a hundred different ones. In
micro-F1 = 2 tp / (2 tp + fp + fn) over all rows, that one answer would weigh as much as dozens of
documents. It is wrong once; from a handful of false items on, more of them say nothing new.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

CAP_PER_GOLD_ITEM = 2
CAP_WITHOUT_GOLD = 3
CAP_WORDS = (
    f"items repeated beyond the right answer count once, and at most {CAP_PER_GOLD_ITEM} x (items of "
    f"the right answer) + {CAP_WITHOUT_GOLD} false items count per row"
)
"""The rule for the reader of a report."""


def without_surplus_copies(gold: Counter[str], got: Counter[str]) -> Counter[str]:
    """The answer's items, each as often as the gold has it and at most once more.

    >>> without_surplus_copies(Counter(["a", "a"]), Counter(["a", "a", "a", "a", "b", "b"]))
    Counter({'a': 3, 'b': 1})
    """
    return Counter({item: min(count, gold[item] + 1) for item, count in got.items()})


def most_false_items(gold_items: int) -> int:
    """False items that count in a row with this many gold items over all fields: 2 x gold + 3.

    >>> most_false_items(0), most_false_items(5)
    (3, 13)
    """
    return CAP_PER_GOLD_ITEM * gold_items + CAP_WITHOUT_GOLD


def capped(false_items: Mapping[str, int], gold_items: int) -> dict[str, int]:
    """False items per field that count; their sum is at most `most_false_items(gold_items)`.

    Above it, each field keeps its share of the cap, rounded by largest remainders (Hamilton's
    method), ties in the order of the fields; no field gets more than it has.

    Args:
        false_items: field -> false items, surplus copies left out already.
        gold_items: gold items of the row over all fields.

    >>> capped({"drug": 90, "effect": 10, "dose": 0}, 1)
    {'drug': 5, 'effect': 0, 'dose': 0}
    >>> capped({"drug": 2, "effect": 1}, 0)
    {'drug': 2, 'effect': 1}
    """
    most, total = most_false_items(gold_items), sum(false_items.values())
    if total <= most:
        return dict(false_items)
    kept = {field: count * most // total for field, count in false_items.items()}
    by_remainder = sorted(false_items, key=lambda field: -(false_items[field] * most % total))
    for field in by_remainder[: most - sum(kept.values())]:
        kept[field] += 1
    return kept
