"""Which code made a result: a digest of our sources and the libraries that do the arithmetic."""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import version
from pathlib import Path

from configs.canonical_json import digest_json
from registry.digests import digest_directory

LIBRARIES = {
    "finetune": ("torch", "transformers", "peft", "trl", "llmcompressor", "compressed-tensors"),
    "evals": ("torch", "transformers", "numpy", "scipy", "lm_eval", "llguidance", "rouge_score"),
    "registry": ("mlflow-skinny",),
}


@cache
def code_version(package: str) -> str:
    """Digest of one of our packages, of configs, and of the libraries it computes with.

    Args:
        package: `finetune`, `evals` or `registry`.
    Returns:
        `sha256:...`; equal sources and library versions give the same value on every machine.
    """
    sources = {}
    for name in (package, "configs"):
        directory = Path(importlib.import_module(name).__file__ or "").parent
        files = digest_directory(directory).files
        sources[name] = {file.path: file.sha256 for file in files if file.path.endswith(".py")}
    return digest_json(
        {"sources": sources, "libraries": {name: version(name) for name in LIBRARIES[package]}}
    )
