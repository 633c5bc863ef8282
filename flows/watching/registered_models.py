"""A look at a registered model: its newest version, or the one that an alias names.

Does: take the digest that the version was registered with. Does not: read its files; that they still have
that digest is checked where they are resolved.
"""

from __future__ import annotations

from finetune.releases.source_errors import gone
from registry.store import ModelStore


def observe_registered(store: ModelStore, followed: str) -> tuple[str, str]:
    """Exact source and digest of what a model offers now.

    Args:
        followed: `models:/name` or `models:/name@alias`.
    Raises:
        SourceError: when there is no such model or alias, or no version that Pawl registered.
        RegistryError: when MLflow is unreachable.
    """
    name, _, alias = followed.removeprefix("models:/").partition("@")
    if alias:
        number = store.alias(name, alias)
        if number is None:
            raise gone(followed, "a model without this alias, or none")
        record = store.version(name, number)
    else:
        records = [r for r in store.versions(name) if "weights_digest" in r.tags]
        if not records:
            raise gone(followed, "a model without a version that Pawl registered, or none")
        record = records[-1]
    return f"models:/{name}/{record.version}", record.weights_digest
