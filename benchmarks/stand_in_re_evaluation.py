"""A re-evaluation that takes a second instead of hours: what it shares with the real one is how it is
asked, refused, claimed and told apart from one that was done already.

Does: check the release against the ledger, claim it, work, append its outcome to a ledger that counts.
Does not: evaluate anything.
"""

from __future__ import annotations

import time
from typing import Any

from prefect import flow, runtime
from prefect.states import Completed

from flows.home import model_store
from flows.re_evaluation.once import in_other_hands
from flows.re_evaluation.release_check import checked_against_ledger, superseded_by
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.store import ModelStore

OUTCOMES = "stand-in.outcomes.ledger"
WORK_S = 1.0


@flow(name="re-evaluate", persist_result=False)
def re_evaluate(request: ReEvaluateRequest) -> Any:
    """Work once per release."""
    store = model_store()
    request = checked_against_ledger(store, request)
    run_id = str(runtime.flow_run.id)
    assert request.release_id is not None
    if (other := in_other_hands(store, f"re-evaluate/{request.release_id}", run_id)) is not None:
        return Completed(name="Already done", message=other)
    if (newer := superseded_by(store, request)) is not None:
        return Completed(name="Superseded", message=newer)
    if request.release_id in outcomes(store):
        return Completed(name="Unchanged", message="decided before")
    time.sleep(WORK_S)
    write_outcome(store, request.release_id, run_id)
    return Completed(message="decided")


def outcomes(store: ModelStore) -> dict[str, list[int]]:
    """When each release was decided, by MLflow's clock: milliseconds since 1970, once per decision."""
    found: dict[str, list[int]] = {}
    for record in store.versions(OUTCOMES):
        found.setdefault(record.tags["release"], []).append(record.created_ms)
    return found


def write_outcome(store: ModelStore, release_id: str, run_id: str) -> None:
    """Append a decision, whether or not there is one already."""
    store.append_entry(
        OUTCOMES, "Decisions of the stand-in", {"release": release_id, "run": run_id}
    )
