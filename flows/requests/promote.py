"""The form of the deployment `promote`."""

from __future__ import annotations

from pydantic import Field

from configs.lifecycle import Slug
from configs.strict_model import StrictModel


class PromoteRequest(StrictModel):
    """Make a registered version champion; only one whose own decision says promote is accepted."""

    model: Slug
    """Registered model, such as clinical-notes-extractor."""

    version: int = Field(ge=1)
    """Version to make champion."""

    reason: str = Field(min_length=1)
    """Why, for the audit trail."""

    requested_by: str = Field(min_length=1)
    """Who promotes, for the audit trail."""

    alias: Slug = "champion"
    """Alias that production follows."""
