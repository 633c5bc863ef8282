"""The form of the deployment `lifecycle`: a whole lifecycle as it was declared, or with changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ConfigDict, Field

from configs.lifecycle import SHA256_PATTERN, SLUG_PATTERN, LifecycleConfig
from configs.load import load_gate, load_lifecycle
from configs.strict_model import StrictModel
from configs.validation import validate
from configs.weights_source import WEIGHTS_PATTERN
from flows.requests.choices import AS_DECLARED, GateChoice, LifecycleName


class LifecycleChanges(StrictModel):
    """What differs from the file; what is left empty is as declared there."""

    model_config = ConfigDict(title="Changes")

    base_model: str = Field(default="", pattern=f"^$|{WEIGHTS_PATTERN}")
    """Other base weights: hf://org/name@commit, file://directory, models:/name/version,
    s3://bucket/prefix. The digest that the file names does not hold for them."""

    base_digest: str = Field(default="", pattern=f"^$|{SHA256_PATTERN}")
    """Digest that the base weights must have: sha256: and 64 hexadecimal digits."""

    gate: GateChoice = AS_DECLARED
    """Another gate policy."""

    model_name: str = Field(default="", pattern=f"^$|{SLUG_PATTERN}")
    """Another name in the registry: lower-case letters, digits and hyphens."""

    seed: int | None = Field(default=None, ge=0)
    """Another seed of training, sampling and resampling."""

    skip_bad_rows: bool = False
    """Leave rows that break the task's schema out, counted and listed, instead of refusing."""


class LifecycleRequest(StrictModel):
    """Run a lifecycle: fine-tune, quantize, evaluate, gate, promote, pin."""

    lifecycle: LifecycleName = "demo"
    """Which lifecycle, by the name of its file."""

    changes: LifecycleChanges = LifecycleChanges()
    """What differs from the file."""

    requested_by: str = ""
    """Who asks, for the audit trail."""


def lifecycle_of(request: LifecycleRequest) -> LifecycleConfig:
    """The lifecycle that is asked for.

    Raises:
        ConfigError: when a file is gone or broken by now, or the changes contradict it.
    """
    return changed(load_lifecycle(request.lifecycle), request.changes, request.lifecycle)


def changed(config: LifecycleConfig, changes: LifecycleChanges, name: str) -> LifecycleConfig:
    """A lifecycle with what differs from its file.

    Args:
        name: of the lifecycle, for error messages.
    Raises:
        ConfigError: when the gate policy is gone or broken by now, or the result breaks a rule of
            lifecycles.
    """
    return validated(with_changes(config, changes), name)


def with_changes(config: LifecycleConfig, changes: LifecycleChanges) -> dict[str, Any]:
    """The same as JSON, before it is checked.

    Raises:
        ConfigError: when the gate policy is gone or broken by now.
    """
    # How training is started is no part of what is declared, so a dump leaves it out.
    content = config.model_dump(mode="json") | {"training": config.training.model_dump(mode="json")}
    if changes.base_model:
        content["base_model"] = {"source": changes.base_model}
    if changes.base_digest:
        content["base_model"]["digest"] = changes.base_digest
    if changes.gate != AS_DECLARED:
        content["gate"] = load_gate(changes.gate).model_dump(mode="json")
    if changes.model_name:
        content["registry"]["model_name"] = changes.model_name
    if changes.seed is not None:
        content["seed"] = changes.seed
    if changes.skip_bad_rows:
        content["skip_bad_rows"] = True
    return content


def validated(content: Mapping[str, Any], name: str) -> LifecycleConfig:
    """A lifecycle out of a file and a form.

    Args:
        name: of the lifecycle, for error messages.
    Raises:
        ConfigError: when the two together break a rule of lifecycles.
    """
    where = f"lifecycle {name} with the values of the form"
    return validate(LifecycleConfig, content, where, "Correct the form and submit it again.")
