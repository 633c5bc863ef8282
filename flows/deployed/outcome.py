"""How a lifecycle's run shows its outcome: where people look first.

Does: put the outcome into the state's message and into the run's tags, by which runs are filtered.
Does not: name the state; automations wait for `Completed`.
"""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

from prefect import runtime
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger
from prefect.states import Completed

from flows.lifecycle_summary import LifecycleSummary

OUTCOME_TAGS = {"promote": "promoted", "reject": "rejected"}


def completed(summary: LifecycleSummary, result: Any = None) -> State[Any]:
    """The state that a run ends in; called at the end of a flow.

    Args:
        summary: what the lifecycle came to.
        result: the run's result, if that is more than the summary.
    """
    _tag_run(outcome_tag(summary.outcome))
    message = f"{summary.outcome}: {summary.registry} {summary.reasons[0]}"
    return Completed(message=message, data=summary if result is None else result)


def outcome_tag(outcome: str) -> str:
    """The tag of an outcome: `promoted`, `rejected`, `inconclusive`, `awaiting-approval` and so on."""
    return OUTCOME_TAGS.get(outcome, re.sub(r"\W+", "-", outcome))


def _tag_run(tag: str) -> None:
    tags = [*runtime.flow_run.tags, tag]
    try:
        with get_client(sync_client=True) as client:
            client.update_flow_run(UUID(str(runtime.flow_run.id)), tags=sorted({*tags}))
    except Exception as error:  # the model's life does not depend on a tag
        get_run_logger().warning("The run was not tagged %s: %s", tag, error)
