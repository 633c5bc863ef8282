"""`pawl approve` and `pawl refuse`: answer a request for approval without Prefect's pages."""

from __future__ import annotations

import getpass
from typing import Annotated, Literal

import typer

from flows.home import model_store

ModelName = Annotated[str, typer.Argument(help="Registered model.")]
Version = Annotated[int, typer.Argument(help="Version that waits for approval.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit trail.")]
Actor = Annotated[str, typer.Option(help="Who you are. Empty: the user who is logged in.")]
Alias = Annotated[str, typer.Option(help="Alias that the version is to get.")]
COUNTS_NOT = 2


def approve(
    model: ModelName, version: Version, reason: Reason, actor: Actor = "", alias: Alias = "champion"
) -> None:
    """Approve a version that waits for it; the last approval needed makes it champion.

    Exits with 2 if the approval does not count (the requester's own, too late, by a stranger).
    """
    _answer("approve", model, version, reason, actor, alias)


def refuse(
    model: ModelName, version: Version, reason: Reason, actor: Actor = "", alias: Alias = "champion"
) -> None:
    """Reject a version that waits for approval; that is final for this version."""
    _answer("reject", model, version, reason, actor, alias)


def _answer(
    verdict: Literal["approve", "reject"],
    model: str,
    version: int,
    reason: str,
    actor: str,
    alias: str,
) -> None:
    from flows import console
    from flows.pawl_events import announce_from_terminal, promotion_event
    from registry.approval_requests import give_verdict, promote_approved

    store = model_store()
    given = give_verdict(store, model, version, alias, verdict, actor or getpass.getuser(), reason)
    stands = given.standing
    if given.objection is not None:
        console.say(f"Recorded, but it does not count: {given.objection}.")
        if stands.status == "approved":
            console.say(
                f"`pawl promote {model} {version}` makes it {alias}: enough people approved."
            )
        raise typer.Exit(COUNTS_NOT)
    if stands.status == "waiting":
        console.say(f"Recorded. {stands.missing}, until {stands.expires}.")
        return
    if stands.status == "approved":
        try:
            promoted = promote_approved(store, model, version, alias)
            console.say(promoted.summary)
        finally:  # the run, too, is to end now if, say, there is another champion since it was gated
            _wake(stands.flow_run)
        approved = f"approved by {', '.join(stands.approved_by)}"
        announce_from_terminal(promotion_event(promoted, ", ".join(stands.requested_by), approved))
    else:
        console.say(f"Recorded. {model} version {version} is not promoted: {stands.missing}.")
        _wake(stands.flow_run)


def _wake(flow_run: str) -> None:
    """Let the run that waits for this answer end now rather than when the time for it is over."""
    from configs.errors import PrefectError
    from flows import console
    from flows.approval_expiry import wake
    from flows.pawl_events import has_server

    if not has_server():
        return
    try:
        if wake(flow_run):
            console.say("The run that waited for this goes on.")
    except PrefectError as error:
        console.say(f"A run may still wait, until the time for approval is over: {error}")
