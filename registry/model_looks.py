"""Looks in the ledgers of single models, which earlier versions wrote.

They know a test set by a digest of its rows and the task. Does: read them. Does not: write any.
"""

from __future__ import annotations

from configs.strict_model import StrictModel
from registry.records import LEDGER_SUFFIX, iso_time
from registry.store import ModelStore


class ModelLook(StrictModel):
    """One decision on a test set."""

    question: str
    """Digest of what was decided."""
    written: str
    """When, ISO 8601 in UTC."""


def model_ledger_name(model: str) -> str:
    """Name of the registered model whose versions are the looks of one model."""
    return f"{model}.looks{LEDGER_SUFFIX}"


def looks_of_model(store: ModelStore, model: str, test_set: str) -> list[ModelLook]:
    """Every look on a test set, oldest first; a question that was asked twice counts once.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    looks: dict[str, ModelLook] = {}
    for record in store.versions(model_ledger_name(model)):
        question = record.tags.get("question")
        if question and record.tags.get("test_set") == test_set:
            written = iso_time(record.created_ms)
            looks.setdefault(question, ModelLook(question=question, written=written))
    return list(looks.values())
