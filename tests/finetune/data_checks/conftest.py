"""Small tasks, and rows of them."""

import random

import pytest

from configs.task import TaskConfig
from finetune.data_checks.rows import checked_rows

WORDS = [a + b for a in "bdfgklmnprstvz" for b in ("a", "e", "i", "o", "u", "an", "er", "il", "on")]


def list_of(items):
    return {"type": "array", "items": items}


@pytest.fixture(scope="session")
def extraction():
    properties = {
        "drug": list_of({"type": "string"}),
        "effect": list_of({"type": "string"}),
        "route": list_of({"enum": ["oral", "rectal"]}),
    }
    return TaskConfig(
        name="events", system_prompt="Extract events as JSON.",
        output_schema={"type": "object", "properties": properties},
    )  # fmt: skip


@pytest.fixture(scope="session")
def triage():
    return TaskConfig(
        name="triage", kind="classification", labels=("urgent", "routine"),
        system_prompt="Answer urgent or routine.",
    )  # fmt: skip


@pytest.fixture(scope="session")
def prose():
    """Text of random words; `unusual` is the chance that a word is from a vocabulary of its own."""

    def write(seed, words=30, unusual=0.0):
        rng = random.Random(seed)
        chosen = (
            rng.choice(WORDS) + ("xq" if rng.random() < unusual else "") for _ in range(words)
        )
        return " ".join(chosen)

    return write


@pytest.fixture(scope="session")
def rows_of():
    """Checked rows of one split from texts; `target` may be one for all or a list."""

    def make(split, texts, target="urgent", doc_ids=None, **fields):
        texts = list(texts)
        targets = target if isinstance(target, list) else [target] * len(texts)
        content = [
            {
                "id": f"{split}-{i}", "doc_id": doc_ids[i] if doc_ids else f"{split}-doc-{i}",
                "text": text, "target": targets[i],
                **{name: values[i] for name, values in fields.items()},
            }
            for i, text in enumerate(texts)
        ]  # fmt: skip
        return checked_rows(split, content)

    return make


@pytest.fixture(scope="session")
def by_check():
    """Findings by the name of their check."""
    return lambda findings: {found.check: found for found in findings}
