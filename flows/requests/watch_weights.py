"""The form of the deployment `watch-weights`: which sources are looked at."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from configs.strict_model import StrictModel
from flows.requests.choices import listing


class WatchWeightsRequest(StrictModel):
    """Look once at every source of a list; note and announce what is new."""

    follow: Annotated[str, Field(json_schema_extra=listing("follow"))] = "weights"
    """Which list, by the name of its file in follow/."""

    grace_s: float = Field(default=60, ge=0, le=86400)
    """How long the announcement of a release has to start its re-evaluation, in seconds. If none has
    begun by then, it is started from here."""

    pending_limit_s: float = Field(default=1800, ge=60, le=86400)
    """How long a re-evaluation may be with a worker before it begins (to fetch an image, to find a
    machine), in seconds. Then its worker counts as lost, and another run is started."""

    requested_by: str = ""
    """Who asks, for the audit trail."""
