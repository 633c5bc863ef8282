"""Whether the evidence for a champion stands, for `pawl status` and for scheduled re-evaluation.

Does: gather recipe, decisions, releases and today's facts about one champion.
Does not: judge them (registry/staleness.py), or digest weights, which takes minutes.
"""

from __future__ import annotations

import time

from configs.errors import ConfigError, PinError
from configs.lifecycle import LifecycleConfig
from configs.validation import validate
from flows.evidence_facts import facts_now
from registry.confirmations import decided_evidence, last_traffic_look
from registry.dependents import origin_of
from registry.evidence import read_recipe
from registry.ledger import LedgerState
from registry.records import VersionRecord
from registry.releases import releases_in_effect
from registry.staleness import (
    DecidedEvidence,
    EvidenceFacts,
    Staleness,
    champion_evidence,
    facts_of,
    staleness,
)
from registry.store import ModelStore


def recipe_of(store: ModelStore, record: VersionRecord) -> LifecycleConfig:
    """The lifecycle that a version was made by.

    Raises:
        RegistryError: when it is not the one that was registered.
        ConfigError: when this Pawl does not understand it any more.
    """
    where = f"recipe of {record.model} version {record.version}"
    return validate(LifecycleConfig, read_recipe(store, record), where)


def judge_evidence(store: ModelStore, record: VersionRecord, state: LedgerState) -> Staleness:
    """Whether the evidence for a champion stands.

    Args:
        record: the champion.
        state: ledger of its alias.
    Raises:
        RegistryError: when MLflow is unreachable, or a recipe or ledger was tampered with.
    """
    decided = decided_evidence(store, record.model)
    then = champion_evidence(decided, state) or DecidedEvidence(
        facts=facts_of(record.tags),
        version=record.version,
        outcome=record.tag("decision_outcome"),
        decided_ms=record.created_ms,
    )
    limit, unreadable, now = None, None, EvidenceFacts()
    try:
        recipe = recipe_of(store, record)
        limit = recipe.registry.max_evidence_age_days
        # The base's bytes are asked of the ledger of releases, not read.
        now = facts_now(recipe, base_digest="", weights=False)
    except (ConfigError, PinError) as error:
        unreadable = f"{error.where}: {error.problem}"
    except OSError as error:  # whoever asks for the status may not be allowed to read the data
        unreadable = f"{error.filename}: {error.strerror}"
    return staleness(
        then,
        now,
        now_ms=time.time_ns() // 1_000_000,
        max_age_days=limit,
        newer_release=_undecided_release(store, record, decided),
        drift=_drift(store, record, now),
        unreadable=unreadable,
    )


def _undecided_release(
    store: ModelStore, record: VersionRecord, decided: list[DecidedEvidence]
) -> str | None:
    """The latest release of the champion's base on which nothing was decided, in words."""
    origin = origin_of(record.tag("base_source"))
    # What was there when a source was first looked at may be older than the champion.
    known = [r for r in releases_in_effect(store) if r.announce and origin_of(r.followed) == origin]
    latest = max(known, key=lambda release: release.number, default=None)
    seen = {one.facts.base_digest for one in decided}
    return None if latest is None or latest.digest in seen else latest.source


def _drift(store: ModelStore, record: VersionRecord, now: EvidenceFacts) -> str | None:
    """What the last look at the traffic found, unless the data are others since."""
    look = last_traffic_look(store, record.model)
    if look is None or not look.drifted or look.data_files_digest != now.data_files_digest:
        return None
    return look.sentence
