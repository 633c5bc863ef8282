"""How often one test set has been decided on, so that an alpha budget can be kept.

Does: append one entry per decision to a ledger in MLflow that nobody overwrites; number the entries
of a test set. Does not: say what a look may spend (evals/stats/multiplicity.py).
"""

from __future__ import annotations

from configs.strict_model import StrictModel
from registry.records import LEDGER_SUFFIX
from registry.store import ModelStore


class LookEntry(StrictModel):
    """One decision on a test set."""

    number: int
    """1 for the first decision on this test set."""
    test_set: str
    """Digest of the test rows and the task."""
    question: str
    """Digest of what was decided: policy and evaluations. The same question is the same look."""


def look_ledger_name(model: str) -> str:
    """Name of the registered model whose versions are the looks."""
    return f"{model}.looks{LEDGER_SUFFIX}"


def read_looks(store: ModelStore, model: str, test_set: str) -> list[LookEntry]:
    """Every look on a test set, oldest first; a question that was asked twice counts once.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    questions = [
        record.tags["question"]
        for record in store.versions(look_ledger_name(model))
        if record.tags.get("test_set") == test_set and "question" in record.tags
    ]
    return [
        LookEntry(number=number, test_set=test_set, question=question)
        for number, question in enumerate(dict.fromkeys(questions), start=1)
    ]


def claim_look(store: ModelStore, model: str, test_set: str, question: str) -> LookEntry:
    """The look of this question; appended to the ledger unless it was asked before.

    Two processes that ask different questions at the same moment get different numbers, because
    MLflow numbers versions itself.

    Raises:
        RegistryError: when MLflow is unreachable.
    """

    def claimed() -> LookEntry | None:
        looks = read_looks(store, model, test_set)
        return next((look for look in looks if look.question == question), None)

    if (known := claimed()) is not None:
        return known
    store.append_entry(
        look_ledger_name(model),
        f"Append-only ledger of decisions on test sets of {model}",
        {"test_set": test_set, "question": question},
    )
    written = claimed()
    assert written is not None, "MLflow lists every version that it created"
    return written
