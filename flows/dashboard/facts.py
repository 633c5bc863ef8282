"""What the page shows about one model.

Does: read registry, pins and history. Does not: lay out (flows/dashboard/page.py).
"""

from __future__ import annotations

from pathlib import Path

from configs.errors import PinError
from configs.strict_model import StrictModel
from registry.pins import Pin, read_pin
from registry.score_history import DecidedScores, read_score_history
from registry.status import EvidenceOf, ModelStatus, model_status
from registry.store import ModelStore


class PinFacts(StrictModel):
    """A pin file that a serving deployment reads."""

    path: Path
    version: int
    candidate: str
    weights_digest: str
    files: int


class ModelFacts(StrictModel):
    """One model."""

    status: ModelStatus
    pin: PinFacts | None
    """None when no pin file was written here."""
    pin_problem: str | None = None
    """Why the pin file is not to be used: unreadable, or not of the champion."""
    history: tuple[DecidedScores, ...] = ()
    """Scores by decision, oldest first."""


def gather_facts(
    store: ModelStore, pins: Path, alias: str, evidence_of: EvidenceOf | None = None
) -> list[ModelFacts]:
    """Facts about every model that Pawl registered, by name.

    Args:
        pins: directory of the pin files.
        evidence_of: tells whether the evidence for a champion stands.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    return [_facts(store, pins, status) for status in model_status(store, alias, evidence_of)]


def _facts(store: ModelStore, pins: Path, status: ModelStatus) -> ModelFacts:
    pin, problem = read_pin_facts(pins / f"{status.name}.yaml", status.champion_version)
    history = tuple(read_score_history(store, status.name))
    return ModelFacts(status=status, pin=pin, pin_problem=problem, history=history)


def read_pin_facts(path: Path, champion: int | None) -> tuple[PinFacts | None, str | None]:
    """The pin in a file, and what is wrong with it.

    Args:
        champion: version that the ledger puts in production.
    """
    if not path.is_file():
        return None, None
    try:
        pin: Pin = read_pin(path)
    except PinError as error:
        return None, str(error)
    facts = PinFacts(
        path=path,
        version=pin.version,
        candidate=pin.candidate,
        weights_digest=pin.weights_digest,
        files=len(pin.files),
    )
    if pin.version != champion:
        now = "none" if champion is None else f"version {champion}"
        return facts, f"pins version {pin.version}, but the champion is {now}; write the pin again"
    return facts, None
