"""Engines for what a configuration names: local weights, an endpoint, a recording."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from configs.baseline import HOW_IT_IS_ASKED, Baseline, EndpointBaseline, RecordedBaseline
from configs.lifecycle import EvaluationConfig
from configs.named_files import SHIPPED
from evals.engines.address import shown_address
from evals.engines.endpoint import EndpointEngine
from evals.engines.local import LocalEngine


def recording_path(path: str) -> Path:
    """File of recorded answers: a path, or `pawl://NAME` for one that ships with Pawl."""
    if path.startswith("pawl://"):
        return SHIPPED / "recorded" / f"{path.removeprefix('pawl://')}.jsonl"
    return Path(path)


def baseline_kind(baseline: Baseline) -> str:
    """What the baseline is, in words for a report."""
    if isinstance(baseline, RecordedBaseline):
        return f"recorded answers of {baseline.model}"
    if isinstance(baseline, EndpointBaseline):
        return f"answers of {baseline.model} at {shown_address(baseline.base_url)}"
    return f"local weights {baseline.source}"


def asked_model(model: Baseline) -> dict[str, Any]:
    """What a model's answers depend on as far as its configuration says, JSON-able.

    A password in an endpoint's address is left out: it changes no answer, and inputs of steps are
    kept as they are.
    """
    asked = model.model_dump(mode="json", exclude=set(HOW_IT_IS_ASKED))
    if isinstance(model, EndpointBaseline):
        asked["base_url"] = shown_address(model.base_url)
    return asked


def endpoint_engine(endpoint: EndpointBaseline) -> EndpointEngine:
    """The endpoint with the key that its environment variable holds."""
    return EndpointEngine(
        base_url=endpoint.base_url,
        model=endpoint.model,
        api_key=os.environ.get(endpoint.api_key_env),
        max_concurrency=endpoint.max_concurrency,
        timeout_s=endpoint.timeout_s,
        max_attempts=endpoint.max_attempts,
        revision=endpoint.revision,
    )


def weights_engine(directory: Path, digest: str, settings: EvaluationConfig) -> LocalEngine:
    """Weights on this machine, known by digest."""
    return LocalEngine(directory, digest, settings.batch_size, settings.dtype)
