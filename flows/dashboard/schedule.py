"""When models will be evaluated again, by the schedules of the Prefect server.

Does: ask for scheduled runs of the deployment `re-evaluate`. Does not: schedule anything.
"""

from __future__ import annotations

import os
from datetime import datetime
from typing import Any

from pydantic import Field

from configs.strict_model import StrictModel
from flows.prefect_api import prefect_client

DEPLOYMENT = "re-evaluate"
MOST_RUNS = 200


class ReEvaluationSchedule(StrictModel):
    """Scheduled re-evaluations."""

    of_all: datetime | None = None
    """Next one of every model; UTC."""
    by_model: dict[str, datetime] = Field(default_factory=dict)
    """Next one of a single model."""

    def next_of(self, model: str) -> datetime | None:
        """The earlier of a model's own and everybody's."""
        found = [when for when in (self.of_all, self.by_model.get(model)) if when is not None]
        return min(found, default=None)


def schedule_of(runs: list[tuple[dict[str, Any], datetime]]) -> ReEvaluationSchedule:
    """The next re-evaluations among scheduled runs.

    Args:
        runs: parameters and expected start of each.
    """
    of_all: datetime | None = None
    by_model: dict[str, datetime] = {}
    for parameters, when in sorted(runs, key=lambda run: run[1]):
        model = (parameters.get("request") or {}).get("model")
        if model:
            by_model.setdefault(model, when)
        elif of_all is None:
            of_all = when
    return ReEvaluationSchedule(of_all=of_all, by_model=by_model)


def read_schedule(deployment: str = DEPLOYMENT) -> ReEvaluationSchedule | None:
    """Schedules of the server that `PREFECT_API_URL` names; None if it names none.

    Raises:
        PrefectError: when that server does not answer.
    """
    if not os.environ.get("PREFECT_API_URL"):
        return None
    from prefect.client.schemas.filters import (
        DeploymentFilter,
        DeploymentFilterName,
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType

    scheduled = FlowRunFilterState(type=FlowRunFilterStateType(any_=[StateType.SCHEDULED]))
    with prefect_client("reading schedules") as client:
        found = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment])),
            flow_run_filter=FlowRunFilter(state=scheduled),
            limit=MOST_RUNS,
        )
    return schedule_of(
        [
            (run.parameters, run.next_scheduled_start_time)
            for run in found
            if run.next_scheduled_start_time is not None
        ]
    )
