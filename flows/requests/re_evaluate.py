"""The form of the deployment `re-evaluate`: what is new, and which models are asked about it."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from configs.lifecycle import SHA256, Slug
from configs.strict_model import StrictModel
from configs.weights_source import WeightsSource

Reason = Literal["weights", "task", "data", "engine", "age", "drift", "manual"]


class ReEvaluateRequest(StrictModel):
    """Run the recipes of champions again on what is new; where nothing is, say so and end."""

    model: Slug | None = None
    """Registered model, such as clinical-notes-extractor. Empty: every model whose champion was made
    from `followed`, or, if that is empty too, every model."""

    followed: str | None = Field(default=None, min_length=1)
    """Source as it is followed, such as hf://org/name@main. Empty: that of `source`."""

    source: WeightsSource | None = None
    """Exact base weights to evaluate and to fine-tune, such as hf://org/name@commit. Empty: those of
    each model's own recipe."""

    digest: SHA256 | None = None
    """Digest that the source must have: sha256 and 64 hexadecimal digits. Empty: recorded only."""

    release_id: str | None = Field(default=None, min_length=1)
    """Entry of the ledger of releases that asks for this. Empty: no release does."""

    reason: Reason = "manual"
    """What is new: base weights, the task, the data, the engine or library versions, nothing but time,
    the served traffic; or a person wants to know."""

    requested_by: str = ""
    """Who asks, for the audit trail."""

    @model_validator(mode="after")
    def _of_one_source(self) -> ReEvaluateRequest:
        if self.digest is not None and self.source is None and self.release_id is None:
            raise ValueError("digest: expected none without a source; name the source too")
        return self
