"""The form of the deployment `rollback`."""

from __future__ import annotations

from pydantic import Field

from configs.lifecycle import Slug
from configs.strict_model import StrictModel


class RollbackRequest(StrictModel):
    """Restore the champion before the present one."""

    model: Slug
    """Registered model, such as clinical-notes-extractor."""

    reason: str = Field(min_length=1)
    """Why, for the audit trail."""

    requested_by: str = Field(min_length=1)
    """Who rolls back, for the audit trail."""

    alias: Slug = "champion"
    """Alias that production follows."""
