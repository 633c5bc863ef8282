"""Sees to it that each release is re-evaluated, even if its event or the run that took it was lost.

Does: find releases that no run holds, and start one under a key that Prefect accepts once.
Does not: prevent a second run of the same release; re-evaluations claim it, so that one of them works.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from flows.prefect_api import prefect_client
from flows.release_events import request_of
from flows.watching.lost_runs import is_lost, read_run
from registry.claims import claims_ledger_name, holders_in_order
from registry.releases import Release, releases_in_effect
from registry.store import ModelStore

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

logger = logging.getLogger(__name__)

DEPLOYMENT = "re-evaluate/re-evaluate"
ATTEMPTS = 5
"""Runs of one release that may come to nothing before a person must look."""


@dataclass(frozen=True)
class FollowUp:
    """What is done about one release."""

    release: Release
    state: Literal["in hand", "waiting", "started", "failed"]
    text: str
    """One sentence."""


def to_follow_up(releases: Iterable[Release]) -> list[Release]:
    """The latest release of each source, where it is to be announced; an older one is superseded."""
    latest = {release.followed: release for release in releases}
    return [release for release in latest.values() if release.announce]


def follow_up(store: ModelStore, grace_s: float, pending_limit_s: float) -> list[FollowUp]:
    """Start the re-evaluations that nothing else started, or that were lost.

    A run that failed with the release in hand is not started again: it waits for a person, for the next
    would fail alike. So does one that a person cancelled.

    Args:
        grace_s: how old a release must be, in seconds by MLflow's clock.
        pending_limit_s: how long a run may be with a worker before it begins, in seconds.
    Raises:
        RegistryError: when MLflow is unreachable.
        PrefectError: when Prefect is.
    """
    releases = to_follow_up(releases_in_effect(store))
    if not releases:
        return []
    claims = store.versions(claims_ledger_name("re-evaluate/any"))
    now_ms = ledger_now_ms(store.tracking_uri)
    done = []
    with prefect_client("following up releases") as client:
        for release in releases:
            held = holders_in_order(claims, f"re-evaluate/{release.release_id}")
            found = _held(client, release, held[-1].holder, pending_limit_s) if held else None
            # A clock that went backwards tells nothing: then it is started, which does no harm.
            if not held and 0 <= now_ms - release.released_ms < grace_s * 1000:
                text = "Announced; its re-evaluation has not begun yet."
                found = FollowUp(release, "waiting", text)
            done.append(found or start(client, release, pending_limit_s, gave_way=bool(held)))
    return done


def _held(
    client: SyncPrefectClient, release: Release, holder: str, pending_limit_s: float
) -> FollowUp | None:
    """A release that a run holds; None if that run is lost."""
    run = read_run(client, holder)
    if run is None or is_lost(client, run, pending_limit_s):
        return None
    state = run.state_type.value.lower() if run.state_type else "new"
    return FollowUp(release, "in hand", f"Run {run.name} is {state}.")


def start(
    client: SyncPrefectClient, release: Release, pending_limit_s: float, gave_way: bool = False
) -> FollowUp:
    """Start a run for a release; if one was started before and did not come to nothing, name it.

    Args:
        pending_limit_s: as of `follow_up`.
        gave_way: whether a run that is lost holds the release. Runs that ended well had left it to that
            one, and did nothing.
    """
    from prefect.exceptions import ObjectNotFound

    try:
        deployment = client.read_deployment_by_name(DEPLOYMENT)
    except ObjectNotFound:
        text = f"Expected the deployment {DEPLOYMENT}, found none. Run `pawl deploy`."
        return FollowUp(release, "failed", text)
    for attempt in range(1, ATTEMPTS + 1):
        started = client.create_flow_run_from_deployment(
            deployment.id,
            parameters={"request": request_of(release).model_dump(mode="json")},
            idempotency_key=key_of(release, attempt),
        )
        run = client.read_flow_run(started.id)
        if run.state is not None and run.state.is_cancelled():
            text = f"Run {run.name} was cancelled; run it again to have the release evaluated."
            return FollowUp(release, "in hand", text)
        if run.state is not None and run.state.is_completed() and not gave_way:
            text = f"Run {run.name} ended: {run.state.message or run.state.name}"
            return FollowUp(release, "in hand", text)
        ended = run.state is not None and run.state.is_final()
        if not ended and not is_lost(client, run, pending_limit_s):
            return FollowUp(release, "started", f"Run {run.name} ({run.id}).")
    return FollowUp(
        release,
        "failed",
        f"Expected a re-evaluation, but {ATTEMPTS} runs came to nothing, the last being {run.name} "
        f"({run.id}). Look at why it ended; then start {DEPLOYMENT} with release_id "
        f"{release.release_id}.",
    )


def key_of(release: Release, attempt: int) -> str:
    """What Prefect starts one run for, however often it is asked."""
    key = f"release-{release.release_id}"
    return key if attempt == 1 else f"{key}-attempt-{attempt}"


def ledger_now_ms(tracking_uri: str) -> int:
    """Now, by the clock that dates entries of the ledger: the MLflow server's, or with a bare database
    (and where the server does not tell) this machine's; milliseconds since 1970."""
    ahead_s = 0.0
    if tracking_uri.startswith("http"):
        import httpx

        from flows.doctor.date_header import clock_ahead_s

        try:
            answer = httpx.get(f"{tracking_uri.rstrip('/')}/health", timeout=10)
        except httpx.HTTPError as error:
            # MLflow's own client may get through where this does not, as with a private authority.
            logger.warning("MLflow does not tell its time: %s", error)
        else:
            ahead_s = clock_ahead_s(answer) or 0.0
    return round((time.time() + ahead_s) * 1000)
