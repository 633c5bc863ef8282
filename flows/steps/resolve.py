"""Step 1: turn names into digests, and refuse weights that are unsafe or not the configured ones."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from configs.canonical_json import digest_json
from configs.errors import WeightsError
from configs.lifecycle import BaseModelConfig
from evals.report.tables import markdown_table
from finetune.weights import locate_weights, refuse_unsafe_weights
from flows.code_version import LIBRARIES, code_version
from flows.home import home, model_store
from flows.steps.step_state import publish, step
from registry.digests import digest_directory


class ResolvedBase(BaseModel):
    """Base weights on this machine, known by digest."""

    model_config = ConfigDict(frozen=True)

    source: str
    directory: Path
    digest: str


def fetch(source: str) -> Path:
    """Directory of the weights that `source` names, downloaded or converted if need be.

    Raises:
        WeightsError: when they cannot be had, or contain pickles or remote code.
    """
    directory = locate_weights(source, home() / "weights", models_resolver=_registered_weights)
    refuse_unsafe_weights(directory)
    return directory


def _registered_weights(source: str) -> Path:

    return model_store().weights_directory(source)


def code_digest() -> str:
    """Digest of all code that can change a result."""
    return digest_json({package: code_version(package) for package in LIBRARIES})


@step(name="resolve", task_run_name="resolve {base_model.source}")
def resolve(base_model: BaseModelConfig) -> ResolvedBase:
    """Find the base weights, check that they are safe, and digest them.

    Raises:
        WeightsError: also when their digest is not the configured one.
    """
    directory = fetch(base_model.source)
    manifest = digest_directory(directory)
    if base_model.digest is not None and manifest.digest != base_model.digest:
        raise WeightsError(
            f"base_model.digest of {base_model.source}",
            f"expected {base_model.digest}, got {manifest.digest}",
            "Check where the weights came from; if they are the ones you want, "
            "write the digest found into the lifecycle.",
        )
    files = [
        [f"`{file.path}`", f"{file.bytes:,}", f"`{file.sha256[:16]}`"] for file in manifest.files
    ]
    publish(
        "resolve",
        f"## Base model\n\n`{base_model.source}`\n\nDigest `{manifest.digest}`, code "
        f"`{code_digest()}`\n\n" + markdown_table(["file", "bytes", "sha256"], files),
        "Base weights by digest",
    )
    return ResolvedBase(source=base_model.source, directory=directory, digest=manifest.digest)
