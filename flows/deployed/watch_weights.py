"""Look for new revisions of released weights, by a schedule or from a form."""

from __future__ import annotations

from typing import Any

from prefect import Task, flow
from prefect.logging import get_run_logger
from prefect.states import Completed

from configs.errors import PawlError, WeightsError
from configs.followed_weights import FollowedSource, load_followed
from finetune.releases.source_errors import RateLimitedError
from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import model_store
from flows.requests.watch_weights import WatchWeightsRequest
from flows.steps.step_state import publish, step
from flows.watching.follow_up import follow_up
from flows.watching.look import Look, look_at
from flows.watching.report import failures, watching_report

hide_tracebacks_of_expected_failures()


@step(name="look", task_run_name="look at {followed.source}", persist_result=False)
def look(followed: FollowedSource) -> Look:
    """Look at one source; a failure of it is an outcome, so that the others go on."""
    try:
        found = look_at(model_store(), followed)
    except RateLimitedError as error:
        found = Look(followed.source, "rate limited", text=str(error))
    except PawlError as error:
        found = Look(followed.source, "failed", text=str(error))
    get_run_logger().info("%s: %s. %s", found.followed, found.state, found.text)
    return found


def _outcome(followed: FollowedSource, came_to: Look | BaseException) -> Look:
    if isinstance(came_to, Look):
        return came_to
    return Look(
        followed.source,
        "failed",
        text=f"{followed.source}: expected a look, got {type(came_to).__name__}: {came_to}. Look into the "
        "log of its task, and report it.",
    )


@flow(name="watch-weights", flow_run_name="watch {request.follow}", persist_result=False)
def watch_weights(request: WatchWeightsRequest) -> Any:
    """Look once at every source that a list names; note and announce each new revision once.

    A source that cannot be looked at fails alone. In the end, a release that no re-evaluation took up is
    given one from here.

    Args:
        request: Which list.
    """
    sources = load_followed(request.follow).sources
    at_once: Task[..., Any] = look  # type: ignore[assignment]
    begun = [(source, at_once.submit(source)) for source in sources]
    looks = [_outcome(source, one.result(raise_on_failure=False)) for source, one in begun]
    follow_ups = follow_up(model_store(), request.grace_s, request.pending_limit_s)
    publish(
        "watched-weights",
        watching_report(request.follow, looks, follow_ups, request.requested_by),
        "What each source offers, and what is done about releases",
    )
    if problems := failures(looks, follow_ups):
        raise WeightsError(
            f"{len(problems)} of the sources and releases of {request.follow}",
            "\n" + "\n".join(f"- {problem}" for problem in problems),
            "All others were looked at.",
        )
    states = sorted({one.state for one in looks})
    counts = [f"{sum(one.state == state for one in looks)} {state}" for state in states]
    return Completed(message=", ".join(counts) or "nothing is followed", data=None)
