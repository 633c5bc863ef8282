"""Whose answers a record holds: the model, the task and how it was decoded.

Does: turn that into a key, and say in words how two of them differ.
Does not: know which rows were asked (their prompt digests stand with the answers).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from configs.canonical_json import digest_json
from configs.strict_model import StrictModel
from configs.task import TaskConfig
from evals.engines.address import shown_address
from evals.engines.completion import Decoding

LONGEST_SHOWN = 60


class EndpointModel(StrictModel):
    """A model behind an OpenAI-compatible endpoint."""

    kind: Literal["endpoint"] = "endpoint"
    base_url: str
    """Address up to `/v1`; user name and password in it are left out."""
    model: str
    """Name that the endpoint is asked for."""
    revision: str | None = None
    """Which weights stand behind the name, as far as the user knows."""

    @field_validator("base_url")
    @classmethod
    def _without_secrets(cls, value: str) -> str:
        return shown_address(value)


class WeightsModel(StrictModel):
    """Weights on this machine."""

    kind: Literal["weights"] = "weights"
    digest: str
    """`sha256:...` of every file of the weights."""
    dtype: str
    """Precision of the computation, which can change an answer."""


BaselineModel = Annotated[EndpointModel | WeightsModel, Field(discriminator="kind")]


class BaselineIdentity(StrictModel):
    """What answers depend on besides the row; its digest is the key of a record."""

    model: BaselineModel
    task: str
    """Name of the task."""
    task_digest: str
    """`sha256:...` of the task's configuration."""
    decoding: Decoding

    @property
    def key(self) -> str:
        """64 hexadecimal digits: sha256 of the canonical JSON of the identity."""
        return digest_json(self.model_dump(mode="json")).removeprefix("sha256:")


def baseline_identity(
    model: EndpointModel | WeightsModel, task: TaskConfig, decoding: Decoding
) -> BaselineIdentity:
    """The identity of a model's answers to a task, decoded so."""
    digest = digest_json(task.model_dump(mode="json"))
    return BaselineIdentity(model=model, task=task.name, task_digest=digest, decoding=decoding)


def differences(expected: BaselineIdentity, got: BaselineIdentity) -> list[str]:
    """One `field: expected X, got Y` per field that differs, in the order of the identity."""
    wanted, found = _flat(expected), _flat(got)
    names = dict.fromkeys((*wanted, *found))
    return [
        f"{name}: expected {_shown(wanted.get(name))}, got {_shown(found.get(name))}"
        for name in names
        if wanted.get(name) != found.get(name)
    ]


def _flat(identity: BaselineIdentity) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in identity.model_dump(mode="json").items():
        if isinstance(value, dict):
            flat |= {f"{name}.{inner}": content for inner, content in value.items()}
        else:
            flat[name] = value
    return flat


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."
