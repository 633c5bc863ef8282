"""What happened to a model, as Prefect events: for the event feed, and for automations.

Does: word each event for people, name it so that repeating it does no harm, and emit it.
Does not: fail a run; an event that cannot be emitted is a line in the log.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID, uuid5

from registry.promotion import Promoted

NAMESPACE = UUID("5a0a6c1e-7d1c-5d0b-9a53-0f2f5f6d7a11")
PROMOTED = "pawl.model.promoted"
ROLLED_BACK = "pawl.model.rolled-back"
INCONCLUSIVE = "pawl.gate.inconclusive"
REJECTED = "pawl.gate.rejected"
APPROVAL_WAITING = "pawl.approval.waiting"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PawlEvent:
    """One event about one model."""

    name: str
    model: str
    key: str
    """What makes it this event and no other of its name and model, such as a ledger entry."""
    payload: dict[str, Any]
    """JSON; `subject` (one line) and `text` are what messages show."""

    @property
    def id(self) -> UUID:
        """The same for the same event, so that a step that runs again adds nothing to the feed."""
        return uuid5(NAMESPACE, f"{self.name}/{self.model}/{self.key}")

    @property
    def resource(self) -> dict[str, str]:
        """What Prefect shows the event for, and what automations match."""
        return {
            "prefect.resource.id": f"pawl.model.{self.model}",
            "prefect.resource.name": self.model,
        }


def promotion_event(promoted: Promoted, actor: str, reason: str) -> PawlEvent | None:
    """A version became champion; None if the alias did not move."""
    return _change(PROMOTED, "promoted", promoted, actor, reason)


def rollback_event(promoted: Promoted, actor: str, reason: str) -> PawlEvent | None:
    """An earlier version became champion again; None if the alias did not move."""
    return _change(ROLLED_BACK, "rolled back", promoted, actor, reason)


def _change(name: str, verb: str, promoted: Promoted, actor: str, reason: str) -> PawlEvent | None:
    if not promoted.moved:
        return None
    return PawlEvent(
        name, promoted.model, f"entry {promoted.entry} version {promoted.version}",
        {
            "subject": f"{promoted.model} was {verb} to version {promoted.version}",
            "text": f"{promoted.summary}\nBy: {actor}\nReason: {reason}",
            "version": promoted.version, "entry": promoted.entry, "actor": actor, "reason": reason,
        },
    )  # fmt: skip


def gate_event(
    model: str,
    outcome: Literal["promote", "reject", "inconclusive"],
    reasons: Sequence[str],
    decision_digest: str,
    further_documents: int | None = None,
) -> PawlEvent | None:
    """A gate ended without a promotion; None if it promotes (the promotion is the event then).

    Args:
        reasons: the decision's, most important first.
        decision_digest: of the decision, which the event is about.
        further_documents: how many more would settle an inconclusive gate, if that is known.
    """
    if outcome == "promote":
        return None
    listed = "\n".join(f"- {reason}" for reason in reasons)
    more = (
        f"\nAbout {further_documents} further documents would settle it."
        if further_documents
        else ""
    )
    said = "is inconclusive" if outcome == "inconclusive" else "rejected the candidate"
    return PawlEvent(
        INCONCLUSIVE if outcome == "inconclusive" else REJECTED, model, decision_digest,
        {
            "subject": f"the gate of {model} {said}",
            "text": f"The champion stays as it is.\n{listed}{more}",
            "outcome": outcome, "reasons": list(reasons), "decision_digest": decision_digest,
            "further_documents": further_documents,
        },
    )  # fmt: skip


def approval_event(
    model: str, version: int, decision_digest: str, missing: str, expires: str
) -> PawlEvent:
    """A version waits for people to approve it.

    Args:
        missing: who or how many are still to approve, one sentence; a change of it is a new event.
        expires: when the wait ends, for people.
    """
    return PawlEvent(
        APPROVAL_WAITING, model, f"{decision_digest} {missing}",
        {
            "subject": f"{model} version {version} waits for approval",
            "text": f"{missing}\nExpires: {expires}\nTo decide: open the run and press Resume, or "
            f"`pawl approve {model} {version}`.",
            "version": version, "decision_digest": decision_digest, "missing": missing,
            "expires": expires,
        },
    )  # fmt: skip


def has_server() -> bool:
    """Whether a Prefect server is configured; without one, Prefect would start one to be asked."""
    from prefect.settings import get_current_settings

    return bool(get_current_settings().api.url)


def announce_from_terminal(event: PawlEvent | None) -> None:
    """Emit an event outside a run, if there is a server that it can go to."""
    if has_server():
        announce(event)


def announce(event: PawlEvent | None) -> None:
    """Emit an event; None is nothing to emit. Called inside a flow, the event belongs to its run."""
    if event is None:
        return
    try:
        from prefect.events import emit_event

        emit_event(event.name, event.resource, payload=event.payload, id=event.id)
    except Exception as error:  # the model's life goes on without the feed
        logger.warning("The event %s of %s was not emitted: %s", event.name, event.model, error)
