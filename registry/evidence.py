"""The decision and the manifest attached to a version, and proof that they are what it was tagged with.

Does: attach them to the version's run, read them back, compare their digests with the tags, and
insist that a version in production got there as its decision allows.
Does not: compute a decision, or read weights.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from configs.canonical_json import digest_json
from configs.errors import PinError, RegistryError
from registry.approval_ledger import require_past_approval
from registry.digests import Manifest
from registry.records import VersionRecord
from registry.store import ModelStore

DECISION_FILE = "decision.json"
MANIFEST_FILE = "manifest.json"
RECIPE_FILE = "recipe.json"


def attach_evidence(
    store: ModelStore,
    run_id: str,
    decision: Mapping[str, Any],
    manifest: Manifest,
    recipe: Mapping[str, Any],
    attachments: Sequence[Path],
) -> None:
    """Attach decision, manifest, recipe and further files (reports, plots) to a run.

    Raises:
        RegistryError: when a further file is a decision too, but another one.
    """
    for path in attachments:
        if path.name == DECISION_FILE and _digest_of_json(path.read_bytes()) != digest_json(
            decision
        ):
            raise RegistryError(
                str(path),
                f"expected the decision with digest {digest_json(decision)}, got another",
                "Run the gate again.",
            )
    with tempfile.TemporaryDirectory() as scratch:
        own: dict[str, Mapping[str, Any]] = {
            DECISION_FILE: decision,
            MANIFEST_FILE: manifest.model_dump(mode="json"),
        }
        own[RECIPE_FILE] = recipe
        for name, content in own.items():
            (Path(scratch) / name).write_text(json.dumps(content, indent=2), encoding="utf-8")
        further = [path for path in attachments if path.name not in own]
        store.attach(run_id, [*further, *(Path(scratch) / name for name in own)])


def _digest_of_json(content: bytes) -> str | None:
    try:
        return digest_json(json.loads(content))
    except ValueError:
        return None


def require_promote_decision(store: ModelStore, record: VersionRecord) -> None:
    """Insist that the decision attached to a promoted version promotes it, and that the people whom
    its policy asks for had approved.

    Raises:
        RegistryError: as `read_promote_decision`; or when it was never promoted with that approval.
    """
    require_past_approval(store, record, read_promote_decision(store, record))


def read_promote_decision(store: ModelStore, record: VersionRecord) -> dict[str, Any]:
    """The decision attached to a version, which must promote it; it may ask for people besides.

    Raises:
        RegistryError: when it is not the one whose digest the version carries, or not `promote`.
    """
    where = f"decision of {record.model} version {record.version}"
    registered = record.tag("decision_digest")
    content = store.read_attachment(record.run_id, DECISION_FILE)
    found = _digest_of_json(content)
    if found != registered:
        raise RegistryError(
            where,
            f"expected digest {registered}, got {found or 'no JSON'}",
            "Do not use this version.",
        )
    decision = json.loads(content)
    if decision.get("outcome") != "promote" or decision.get("promoted") != record.tag("candidate"):
        raise RegistryError(
            where,
            f"expected promote for {record.tag('candidate')!r}, got {decision.get('outcome')!r} for "
            f"{decision.get('promoted')!r}",
            "Only the gate can promote; look at its reasons.",
        )
    return dict(decision)


def read_manifest(store: ModelStore, record: VersionRecord) -> Manifest:
    """The manifest attached to a version.

    Raises:
        PinError: when it is not the one whose digest the version carries.
    """
    where = f"{record.model} version {record.version}: {MANIFEST_FILE}"
    registered = record.weights_digest
    try:
        manifest = Manifest.model_validate_json(store.read_attachment(record.run_id, MANIFEST_FILE))
    except ValidationError as error:
        raise PinError(
            where, f"expected a manifest, got: {error}", "Do not serve this version."
        ) from error
    if manifest.digest != registered:
        raise PinError(
            where,
            f"expected digest {registered}, got {manifest.digest}",
            "Do not serve this version.",
        )
    return manifest


def read_recipe(store: ModelStore, record: VersionRecord) -> dict[str, Any]:
    """The lifecycle that a version was made by, as it was declared: JSON-able.

    Raises:
        RegistryError: when it is not the one whose digest the version carries.
    """
    content = store.read_attachment(record.run_id, RECIPE_FILE)
    registered = record.tag("config_digest")
    if _digest_of_json(content) != registered:
        raise RegistryError(
            f"{record.model} version {record.version}: {RECIPE_FILE}",
            f"expected digest {registered}, got {_digest_of_json(content) or 'no JSON'}",
            "Run its lifecycle from the file again.",
        )
    return dict(json.loads(content))
