"""The generators by name.

Does: pick one. Does not: generate (one module each).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from configs.data import Generator
from finetune.synthetic.discharge import discharge_rows
from finetune.synthetic.guidelines import guideline_rows
from finetune.synthetic.messages import message_rows
from finetune.synthetic.notes import synthetic_rows

GENERATORS: dict[Generator, Callable[[str, int, int], Iterator[dict[str, Any]]]] = {
    "clinical-notes": synthetic_rows,
    "message-triage": message_rows,
    "discharge-summary": discharge_rows,
    "guideline-qa": guideline_rows,
}


def generate_rows(
    generator: Generator, split: str, documents: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Generate the rows of one split.

    Args:
        split: `train`, `validation` or `test`.
        documents: number of documents; each has one or more rows.
        seed: same seed, same rows.
    Returns:
        Rows `{"id", "doc_id", "target", ...}` as the task of that name needs them.
    Raises:
        ValueError: when `split` is none of the three.
    """
    return GENERATORS[generator](split, documents, seed)
