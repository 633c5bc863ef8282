"""Scores of candidate, champion and baseline over the decisions of one model.

Does: read them from the evidence of the versions; keep them as curves of one MLflow run per model.
Does not: estimate anything.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.records import VersionRecord
from registry.store import ModelStore

SCORES_FILE = "scores.json"
HISTORY_TAG = "pawl.history_of"
Role = Literal["candidate", "champion", "baseline", "base"]
ROLES: tuple[Role, ...] = ("candidate", "champion", "baseline", "base")


class Score(StrictModel):
    """A metric with its 95% interval and its n."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    """Independent documents."""


class DecidedScores(StrictModel):
    """What one decision saw."""

    version: int
    """Version of the model that the decision registered."""
    candidate: str
    """Name of the system that this version is."""
    outcome: str
    """promote, reject or inconclusive."""
    decided_ms: int
    """When it was registered, by MLflow's clock: milliseconds since 1970."""
    scores: dict[Role, dict[str, Score]]
    """By role and metric; a role that did not take part is absent."""


_BY_SYSTEM = TypeAdapter(dict[str, dict[str, Score]])


def read_score_history(store: ModelStore, model: str) -> list[DecidedScores]:
    """Scores of every decision on a model that has them, oldest first.

    Raises:
        RegistryError: when MLflow is unreachable or an attached record cannot be read.
    """
    found = (_scores_of(store, record) for record in store.versions(model))
    return [scores for scores in found if scores is not None]


def _scores_of(store: ModelStore, record: VersionRecord) -> DecidedScores | None:
    ours = "decision_outcome" in record.tags and record.run_id
    if not ours or SCORES_FILE not in store.attached_names(record.run_id):
        return None
    try:
        by_system = _BY_SYSTEM.validate_json(store.read_attachment(record.run_id, SCORES_FILE))
    except ValidationError as error:
        raise RegistryError(
            f"{record.model} version {record.version}: {SCORES_FILE}",
            f"expected scores by system, got: {error}",
            "Run its lifecycle again.",
        ) from error
    candidate = record.tag("candidate")
    systems: dict[Role, str] = {
        "candidate": candidate,
        "champion": "champion",
        "baseline": "baseline",
        "base": "base",
    }
    return DecidedScores(
        version=record.version,
        candidate=candidate,
        outcome=record.tag("decision_outcome"),
        decided_ms=record.created_ms,
        scores={role: by_system[name] for role, name in systems.items() if name in by_system},
    )


def log_score_history(store: ModelStore, model: str) -> str | None:
    """Bring the model's history run up to date, for MLflow's own charts.

    Metrics are named `METRIC.ROLE`, such as `micro_f1.champion`; the step is the version. What the
    run has is not written again, so that this may be called after every decision.

    Returns:
        Id of the run; None while no version has scores.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    history = read_score_history(store, model)
    if not history:
        return None
    run_id = store.lasting_run(f"{model} over time", HISTORY_TAG, model)
    logged: dict[str, set[int]] = {}
    for decided in history:
        curves = {
            f"{metric}.{role}": score.value
            for role, by_metric in decided.scores.items()
            for metric, score in by_metric.items()
            if math.isfinite(score.value)
        }
        for curve in curves.keys() - logged.keys():
            logged[curve] = store.logged_steps(run_id, curve)
        missing = {c: value for c, value in curves.items() if decided.version not in logged[c]}
        if missing:
            store.log_metrics(run_id, missing, decided.version)
    return run_id
