"""The big model that candidates are held against: recorded answers, a live endpoint, or weights."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from configs.gate_policy import TokenPrices
from configs.strict_model import StrictModel
from configs.weights_source import WeightsSource

HOW_IT_IS_ASKED = frozenset(
    {"price", "max_age_days", "max_concurrency", "timeout_s", "max_attempts", "api_key_env"}
)
"""Settings of an endpoint that change no answer; answers are not kept by them."""


class RecordedBaseline(StrictModel):
    """Answers that a bigger model gave earlier; costs nothing to compare with."""

    kind: Literal["recorded"]
    """Recorded predictions."""

    path: str
    """JSONL file of `{"id", "prompt_digest", "output"}`: a path, or `pawl://NAME` for a file that
    ships with Pawl."""

    model: str
    """Which model gave the answers, in words; printed in every report."""


class EndpointBaseline(StrictModel):
    """A live OpenAI-compatible endpoint (vLLM, SGLang, TGI, a vendor's API)."""

    kind: Literal["endpoint"]
    """A live endpoint."""

    base_url: str = Field(pattern=r"^https?://")
    """Address up to and including `/v1`."""

    model: str
    """Model name to ask for."""

    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; unset means no key is sent."""

    max_concurrency: int = Field(default=16, ge=1, le=1024)
    """Requests in flight at once."""

    timeout_s: float = Field(default=60, gt=0, allow_inf_nan=False)
    """Longest wait for one answer, in seconds."""

    max_attempts: int = Field(default=4, ge=1, le=20)
    """Tries per request when the failure may pass (429, 5xx, time-out, lost connection)."""

    revision: str | None = None
    """Which version of the model stands behind the name, such as a commit or a date. Answers are kept
    by it: change it when the endpoint serves other weights under the same name."""

    price: TokenPrices | None = None
    """What the endpoint charges. Empty: the cost of the answers is not kept."""

    max_age_days: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """Answers recorded more than so many days ago are refused. Empty: they never expire."""


class LocalBaseline(StrictModel):
    """Weights loaded here."""

    kind: Literal["local"]
    """Local weights."""

    source: WeightsSource
    """Where the weights are, as for the base model."""


Baseline = Annotated[
    RecordedBaseline | EndpointBaseline | LocalBaseline, Field(discriminator="kind")
]
