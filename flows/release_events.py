"""A release of weights, as a Prefect event: it shows in the feed, and starts the re-evaluation.

Does: say what the re-evaluation of a release is asked, emit the event. Does not: guarantee that the event
arrives, or only once; flows/watching/follow_up.py and the claims of re-evaluations see to that.
"""

from __future__ import annotations

import logging
import re
from typing import Any
from uuid import UUID, uuid5

from flows.pawl_events import NAMESPACE
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.releases import Release

RELEASED = "model.weights.released"
REQUESTED_BY = "watch-weights"

logger = logging.getLogger(__name__)


def request_of(release: Release) -> ReEvaluateRequest:
    """What a re-evaluation is asked about a release."""
    return ReEvaluateRequest(
        followed=release.followed,
        source=release.source,
        digest=release.digest,
        release_id=release.release_id,
        reason="weights",
        requested_by=REQUESTED_BY,
    )


def event_id(release: Release) -> UUID:
    """The same for the same release, so that repeating it adds nothing to the feed."""
    return uuid5(NAMESPACE, f"{RELEASED}/{release.release_id}")


def resource_of(release: Release) -> dict[str, str]:
    """What Prefect shows the event for, and what automations match."""
    return {
        "prefect.resource.id": f"pawl.weights.{slug(release.followed)}",
        "prefect.resource.name": release.followed,
        "pawl.followed": release.followed,
        "pawl.digest": release.digest,
    }


def payload_of(release: Release) -> dict[str, Any]:
    """JSON: `request` for the re-evaluation, `release` as the ledger has it."""
    return {
        "request": request_of(release).model_dump(mode="json"),
        "release": {"release_id": release.release_id, **release.model_dump(mode="json")},
    }


def slug(followed: str) -> str:
    """A source as lower-case words and hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", followed.lower()).strip("-")


def announce_release(release: Release) -> None:
    """Emit the event; where that fails, it is a line in the log and the next look follows up."""
    try:
        from prefect.events import emit_event

        emit_event(
            RELEASED, resource_of(release), payload=payload_of(release), id=event_id(release)
        )
    except Exception as error:  # the release is in the ledger: it is acted on all the same
        logger.warning("The release %s was not announced: %s", release.release_id, error)
