"""Who asks for a run, so that the audit trail names them and four-eyes can hold.

Does: find the name, and refuse a run that nobody could approve before anything is computed.
Does not: check who somebody is; Prefect without accounts cannot tell.
"""

from __future__ import annotations

import getpass

from prefect import runtime

from configs.approval import person
from configs.errors import ConfigError
from configs.lifecycle import LifecycleConfig


def requester(config: LifecycleConfig, requested_by: str) -> str:
    """Who asks for a run, for the audit trail.

    Args:
        requested_by: as given; blank where nobody said.
    Returns:
        That; otherwise the run's name, or for four-eyes whoever is logged in at the terminal.
    Raises:
        ConfigError: before anything is computed, when four-eyes needs a name and a deployment's run
            has none, or when nobody but the requester could approve.
    """
    named = requested_by.strip() if person(requested_by) else ""
    approval = config.gate.approval
    if approval is None or not approval.four_eyes:
        return named or str(runtime.flow_run.name)
    asks = named
    if not asks and runtime.deployment.id:
        raise ConfigError(
            f"requested_by of {config.name}",
            "expected a name, because whoever asks may not approve (gate.approval.four_eyes), got none",
            "Say who asks.",
        )
    asks = asks or getpass.getuser()
    others = approval.others_than({person(asks)})
    if approval.approvers and len(others) < approval.approvals:
        raise ConfigError(
            f"gate.approval of {config.name}",
            f"expected {approval.approvals} approvers besides {asks}, who asks, got {len(others)}",
            "Name more approvers, or let somebody else ask.",
        )
    return asks
