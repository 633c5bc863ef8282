"""A piece of work is done by one run: the one that claimed it, unless that run came to nothing.

Does: claim, and ask Prefect what became of a run that holds a claim.
Does not: wait for another run, or end one.
"""

from __future__ import annotations

from uuid import UUID

from flows.prefect_api import prefect_client
from registry.claims import claim, take_over
from registry.store import ModelStore

CAME_TO_NOTHING = ("FAILED", "CRASHED", "CANCELLED")
GONE = "GONE"


def in_other_hands(store: ModelStore, key: str, run_id: str) -> str | None:
    """Claim a key for a run, also from a run that failed, crashed, was cancelled or deleted.

    Args:
        key: of registry/claims.py.
        run_id: of the flow run that asks. One that is resumed or retried still holds what it held.
    Returns:
        None if the run holds the key now; otherwise who does, in words.
    Raises:
        RegistryError: when MLflow is unreachable.
        PrefectError: when Prefect is unreachable.
    """
    held = claim(store, key, run_id)
    while held.holder != run_id:
        state, name = state_of(held.holder)
        if state not in (*CAME_TO_NOTHING, GONE):
            return f"run {name} ({held.holder}) has it, which is {state.lower()}"
        held = take_over(store, key, held.holder, run_id)
    return None


def state_of(run_id: str) -> tuple[str, str]:
    """Type of the state of a flow run, and its name; `GONE` if Prefect has no such run.

    What is no id of a flow run is `UNKNOWN`, and so never taken from its holder.
    """
    from prefect.exceptions import ObjectNotFound

    try:
        identity = UUID(run_id)
    except ValueError:
        return "UNKNOWN", "of another program"
    with prefect_client("asking what became of a run") as client:
        try:
            run = client.read_flow_run(identity)
        except ObjectNotFound:
            return GONE, "deleted"
    return (run.state_type.value if run.state_type else "PENDING"), run.name
