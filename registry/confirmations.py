"""What was decided about a model and from which inputs, and when that was last confirmed.

Does: read decisions from the versions, and append confirmations to a ledger in MLflow that nobody
overwrites. Does not: judge whether evidence stands (registry/staleness.py).
"""

from __future__ import annotations

from registry.records import LEDGER_SUFFIX
from registry.staleness import DecidedEvidence, EvidenceFacts, facts_of
from registry.store import ModelStore


def confirmations_name(model: str) -> str:
    """Name of the registered model whose versions are the confirmations."""
    return f"{model}.evidence{LEDGER_SUFFIX}"


def decided_evidence(store: ModelStore, model: str) -> list[DecidedEvidence]:
    """Every decision on a model and every confirmation, oldest first.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    decided = [
        DecidedEvidence(
            facts=facts_of(record.tags),
            version=record.version,
            outcome=record.tags["decision_outcome"],
            decided_ms=record.created_ms,
        )
        for record in store.versions(model)
        if "decision_outcome" in record.tags
    ]
    confirmed = [
        DecidedEvidence(
            facts=facts_of(record.tags),
            version=int(record.tags["champion"]),
            outcome=record.tags["outcome"],
            decided_ms=record.created_ms,
            confirmed=True,
        )
        for record in store.versions(confirmations_name(model))
        if record.tags.get("champion", "").isdigit() and "outcome" in record.tags
    ]
    return sorted([*decided, *confirmed], key=lambda one: one.decided_ms)


def confirm(
    store: ModelStore, model: str, champion: int, facts: EvidenceFacts, outcome: str, actor: str
) -> None:
    """Append that a question was asked (again) and what came out.

    Args:
        champion: version that was champion when it was answered.
        facts: what the answer rests on.
        outcome: promote, reject, inconclusive or what else the run ended with; `unchanged` if nothing
            had to be done.
        actor: who asked.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    name = confirmations_name(model)
    store.create_model(name, f"Append-only ledger of confirmed evidence of {model}. Never delete.")
    tags = {"champion": str(champion), "outcome": outcome, "actor": actor, **facts.tags}
    store.create_version(name, f"models:/{model}/{champion}", tags)
