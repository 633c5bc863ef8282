"""Which champions depend on which base weights.

Does: list champions with the recipe they were made by; tell whether two sources are revisions of one
thing. Does not: decide whether anything must be done about them (registry/staleness.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.alias_ledger import read_ledger
from registry.evidence import read_recipe
from registry.ledger import LedgerState
from registry.records import VersionRecord
from registry.store import ModelStore


class Dependent(StrictModel):
    """A champion and how it was made."""

    model: str
    alias: str
    record: VersionRecord
    """The version that is champion."""
    state: LedgerState
    """Ledger of the alias."""
    recipe: dict[str, Any]
    """The lifecycle that the version was made by, as it was declared."""


def origin_of(source: str) -> str:
    """What a source is a revision of: repository, registered model, directory or prefix.

    `hf://org/name@main` and `hf://org/name@<commit>` have one origin, as have `models:/name/1`,
    `models:/name/2` and `models:/name@alias`. A directory or a bucket's prefix is its own origin, however its path is written.
    """
    if source.startswith("models:/"):
        return "models:/" + re.split("[/@]", source.removeprefix("models:/").strip("/"))[0]
    scheme, separator, rest = source.partition("://")
    if scheme == "hf":
        return f"hf://{rest.partition('@')[0].strip('/').lower()}"
    if scheme == "file":
        return f"file://{Path(rest).expanduser().resolve()}"
    return f"{scheme}{separator}{rest.rstrip('/')}"


def champions(store: ModelStore, model: str | None = None) -> list[Dependent]:
    """Every champion that Pawl registered, by model and alias.

    Args:
        model: only of this registered model; None for all.
    Raises:
        RegistryError: when the registry is unreachable, or a ledger or recipe was tampered with.
    """
    names = store.models() if model is None else [model]
    return [found for name in names for found in _champions_of(store, name)]


def dependents(store: ModelStore, followed: str, model: str | None = None) -> list[Dependent]:
    """Champions that were made from a revision of what is followed.

    Args:
        followed: any source of the same origin.
        model: only of this registered model; None for all.
    Raises:
        RegistryError: as `champions`.
    """
    origin = origin_of(followed)
    found = champions(store, model)
    return [one for one in found if origin_of(one.record.tag("base_source")) == origin]


def _champions_of(store: ModelStore, model: str) -> Iterator[Dependent]:
    aliases: dict[str, None] = {}
    seen: set[str] = set()
    versions = [r for r in store.versions(model) if "weights_digest" in r.tags]
    for record in reversed(versions):
        # One lifecycle names one alias; its other versions need not be opened.
        if record.tag("lifecycle") not in seen:
            seen.add(record.tag("lifecycle"))
            aliases[_alias_of(read_recipe(store, record))] = None
    for alias in aliases:
        state = read_ledger(store, model, alias)
        if state.version is None:
            continue
        champion = next((r for r in versions if r.version == state.version), None)
        if champion is None:
            raise RegistryError(
                f"{alias} of {model}",
                f"expected version {state.version} as the ledger says, but it was deleted or was not "
                "registered by Pawl",
                f"Restore it from a backup of MLflow's database, or `pawl rollback {model}`.",
            )
        yield Dependent(
            model=model,
            alias=alias,
            record=champion,
            state=state,
            recipe=read_recipe(store, champion),
        )


def _alias_of(recipe: dict[str, Any]) -> str:
    return str(recipe.get("registry", {}).get("alias", "champion"))
