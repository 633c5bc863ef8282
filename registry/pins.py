"""A pin: what a serving deployment is given, down to the sha256 of every file.

Does: make, write, read and verify pins. Does not: hold an alias that could move under it.
"""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Literal

import yaml
from pydantic import ValidationError

from configs.durable_files import write_durably
from configs.errors import PinError
from configs.lifecycle import ServingConfig
from configs.strict_model import StrictModel
from registry.alias_ledger import project, read_ledger
from registry.digests import FileDigest, Manifest, differences
from registry.evidence import read_manifest, require_promote_decision
from registry.records import VersionRecord, directory_of
from registry.store import ModelStore

FINE_TUNED = "fine-tuned"
MODEL_OPTION = "--model"


class Serving(StrictModel):
    """How to serve the pinned model."""

    target: str
    command: tuple[str, ...]
    """Start command; run `pawl verify` on the pin before it."""
    max_model_len_tokens: int
    """Context length that the server allows, in tokens."""
    quantization: str
    """Quantization of the weights, as compressed-tensors in their own files; `none` if there is none."""

    @property
    def served_directory(self) -> str | None:
        """What the start command serves."""
        after = dict(itertools.pairwise(self.command))
        return after.get(MODEL_OPTION)


class Pin(StrictModel):
    """Exact bytes of one model version."""

    schema_version: Literal[1] = 1
    model: str
    version: int
    alias: str
    """Alias it was made from, for the reader; a deployment never follows it."""
    ledger_entry: int
    """Ledger entry that put the version in production."""
    candidate: str
    """`fine-tuned` or the quantization."""
    weights_location: str
    weights_digest: str
    files: tuple[FileDigest, ...]
    lineage: dict[str, str]
    decision_digest: str
    serving: Serving


def pin_current_champion(
    store: ModelStore, model: str, alias: str, serving: ServingConfig | None = None
) -> Pin:
    """Pin of the version that the ledger puts in production.

    Raises:
        PinError: when there is no champion, or the attached manifest is not the one registered.
        RegistryError: when the version carries no valid `promote` decision, or the ledger was
            tampered with.
    """
    state = read_ledger(store, model, alias)
    if state.version is None:
        raise PinError(model, f"expected a {alias}, found none", "Promote a version first.")
    project(store, model, alias)
    record = store.version(model, state.version)
    require_promote_decision(store, record)
    manifest = read_manifest(store, record)
    return Pin(
        model=model,
        version=record.version,
        alias=alias,
        ledger_entry=state.head_number,
        candidate=record.tag("candidate"),
        weights_location=record.tag("weights_location"),
        weights_digest=record.weights_digest,
        files=manifest.files,
        lineage=record.lineage,
        decision_digest=record.tag("decision_digest"),
        serving=_serving(serving or ServingConfig(), record),
    )


def _serving(config: ServingConfig, record: VersionRecord) -> Serving:
    candidate = record.tag("candidate")
    command = (
        "python",
        "-m",
        "vllm.entrypoints.openai.api_server",
        MODEL_OPTION,
        str(record.weights_directory),
        "--served-model-name",
        record.model,
        "--max-model-len",
        str(config.max_model_len_tokens),
    )
    return Serving(
        target=config.target,
        command=command,
        max_model_len_tokens=config.max_model_len_tokens,
        quantization="none" if candidate == FINE_TUNED else candidate,
    )


def pin_yaml(pin: Pin) -> str:
    """The pin as YAML."""
    content = json.loads(pin.model_dump_json())
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)


def write_pin(pin: Pin, path: Path) -> None:
    """Write a pin file in one atomic step."""
    write_durably(path, pin_yaml(pin))


def read_pin(path: Path) -> Pin:
    """Read a pin file.

    Raises:
        PinError: when it is missing or is no pin.
    """
    try:
        return Pin.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except FileNotFoundError as error:
        raise PinError(str(path), "expected a pin file, found none", "Check the path.") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise PinError(
            str(path), f"expected a pin, got: {error}", "Make it again with `pawl pin`."
        ) from error


class VerifiedPin(StrictModel):
    """Proof that every byte of a pin was there when it was made."""

    pin: Pin
    directory: Path
    """Directory that was checked."""
    files: int
    """Files checked."""
    bytes: int
    """Their size, together."""


def verify_pin(pin: Pin, weights: Path | None = None) -> VerifiedPin:
    """Recompute the sha256 of every file.

    Args:
        weights: directory to check instead of the pin's own location.
    Raises:
        PinError: naming every file that is missing, changed or not in the pin; or when the start
            command serves another directory than the pin's own location.
        RegistryError: when the weights are not on this machine's file system.
    """
    manifest = Manifest(files=pin.files)
    where = f"pin of {pin.model} version {pin.version}"
    if manifest.digest != pin.weights_digest:
        raise PinError(
            f"{where}: files",
            f"expected digest {pin.weights_digest}, got {manifest.digest}",
            "Someone edited the pin; make it again.",
        )
    directory = weights or directory_of(pin.weights_location)
    if weights is None and pin.serving.served_directory != str(directory):
        raise PinError(
            f"{where}: serving.command",
            f"expected --model {directory}, got --model {pin.serving.served_directory}",
            "It would serve other files than the pin names; make the pin again.",
        )
    if problems := differences(manifest, directory):
        listed = "".join(f"\n  - {problem}" for problem in problems)
        raise PinError(
            f"{where} in {directory}",
            f"{len(problems)} of its files are not what was promoted{listed}",
            "Do not serve them; restore the weights.",
        )
    size = sum(file.bytes for file in pin.files)
    return VerifiedPin(pin=pin, directory=directory, files=len(pin.files), bytes=size)


def verify_against_registry(store: ModelStore, pin: Pin) -> None:
    """Check that the registry still says what the pin says; the pin need not be the newest.

    Raises:
        PinError: naming every fact that differs.
        RegistryError: when the version is gone or its decision is not `promote`.
    """
    record = store.version(pin.model, pin.version)
    require_promote_decision(store, record)
    entries = {e.number: e.version for e in read_ledger(store, pin.model, pin.alias).effective}
    facts: dict[str, tuple[object, object]] = {
        "files": (Manifest(files=pin.files).digest, record.weights_digest),
        "weights_digest": (pin.weights_digest, record.weights_digest),
        "weights_location": (pin.weights_location, record.tag("weights_location")),
        "candidate": (pin.candidate, record.tag("candidate")),
        "decision_digest": (pin.decision_digest, record.tag("decision_digest")),
        "lineage": (pin.lineage, record.lineage),
        f"version of ledger entry {pin.ledger_entry}": (
            pin.version,
            entries.get(pin.ledger_entry, "none in effect"),
        ),
    }
    differing = [
        f"{name}: expected {registered} as the registry says, got {pinned}"
        for name, (pinned, registered) in facts.items()
        if pinned != registered
    ]
    if differing:
        raise PinError(
            f"pin of {pin.model} version {pin.version}",
            "; ".join(differing),
            "Make the pin again with `pawl pin`.",
        )
