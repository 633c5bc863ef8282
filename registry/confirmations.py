"""What was decided about a model and from which inputs, when that was last confirmed, and whether the
traffic that it serves still looks like the rows it was decided on.

Does: read decisions from the versions, and append confirmations and looks at traffic to a ledger in
MLflow that nobody overwrites. Does not: judge whether evidence stands (registry/staleness.py).
"""

from __future__ import annotations

from configs.strict_model import StrictModel
from registry.records import LEDGER_SUFFIX, VersionRecord
from registry.staleness import DecidedEvidence, EvidenceFacts, facts_of
from registry.store import ModelStore

SHOWN_CHARACTERS = 500


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
            version=_champion_of(record) or 0,
            outcome=record.tags["outcome"],
            decided_ms=record.created_ms,
            confirmed=True,
        )
        for record in store.versions(confirmations_name(model))
        if _champion_of(record) is not None and "outcome" in record.tags
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
    tags = {"champion": str(champion), "outcome": outcome, "actor": actor, **facts.tags}
    _append(store, model, champion, tags)


class TrafficLook(StrictModel):
    """What a comparison of served prompts with the test rows found."""

    drifted: bool
    """Whether they differ so much that the test rows no longer stand for the traffic."""
    sentence: str
    """What was found, in plain words."""
    data_files_digest: str
    """The data that the traffic was compared with."""
    looked_ms: int = 0
    """When, by MLflow's clock: milliseconds since 1970."""


def note_traffic(
    store: ModelStore, model: str, champion: int, look: TrafficLook, actor: str
) -> None:
    """Append what a look at the served traffic found.

    Args:
        champion: version that served it.
        look: its time is given here, whatever it is.
        actor: who looked.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    tags = {
        "traffic": "drifted" if look.drifted else "alike",
        "sentence": look.sentence[:SHOWN_CHARACTERS],
        "data_files_digest": look.data_files_digest,
        "champion": str(champion),
        "actor": actor,
    }
    _append(store, model, champion, tags)


def last_traffic_look(store: ModelStore, model: str) -> TrafficLook | None:
    """The last look at the traffic of a model, or None.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    looks = [r for r in store.versions(confirmations_name(model)) if "traffic" in r.tags]
    if not looks:
        return None
    tags = looks[-1].tags
    return TrafficLook(
        drifted=tags["traffic"] == "drifted",
        sentence=tags.get("sentence", ""),
        data_files_digest=tags.get("data_files_digest", ""),
        looked_ms=looks[-1].created_ms,
    )


def _append(store: ModelStore, model: str, champion: int, tags: dict[str, str]) -> None:
    store.append_entry(
        confirmations_name(model),
        f"Append-only ledger of confirmed evidence of {model}",
        tags,
        about=f"models:/{model}/{champion}",
    )


def _champion_of(record: VersionRecord) -> int | None:
    champion = record.tags.get("champion", "")
    return int(champion) if champion.isdigit() else None
