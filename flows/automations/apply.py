"""Bring the declared automations to a Prefect server, as often as one likes.

Does: look up deployments and the notification block, then create, update in place and remove.
Does not: decide what has to change (flows/automations/plan.py) or what the automations are
(configs/automations/).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from uuid import UUID

from flows.automations.declared import Declared, declared_automations
from flows.automations.plan import Change, planned_changes
from flows.notifications.set_up import notification_block
from flows.prefect_api import prefect_client

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.events.schemas.automations import Automation, AutomationCore

PAGE = 100


def apply_automations(
    webhook_url: str | None = None, declared: Iterable[Declared] | None = None
) -> list[Change]:
    """Make the server's automations those that are declared; a second call changes nothing.

    An automation is skipped, and what the server has of it left alone, while a deployment that it
    runs does not exist, or while nobody configured where messages go.

    Args:
        webhook_url: where messages go, instead of what flows/notifications finds configured.
        declared: instead of those that ship in configs/automations.
    Returns:
        What was done about each, in order of name within each kind of change.
    Raises:
        ConfigError: when a file is malformed.
        PrefectError: when the server is unreachable or refuses one.
    """
    found = list(declared_automations() if declared is None else declared)
    with prefect_client("applying automations") as client:
        block = notification_block(client, webhook_url)
        deployments = _deployment_ids(client, {d for one in found for d in one.deployments})
        wanted: list[AutomationCore] = []
        skipped: dict[str, str] = {}
        for one in found:
            missing = [name for name in one.deployments if name not in deployments]
            if missing:
                skipped[one.name] = f"the deployment {missing[0]} does not exist"
            elif one.notifies and block is None:
                skipped[one.name] = "nobody configured where messages go (PAWL_WEBHOOK_URL)"
            else:
                wanted.append(one.with_ids(deployments, block))
        changes = planned_changes(wanted, skipped, existing_automations(client))
        for change in changes:
            _carry_out(client, change)
    return changes


def existing_automations(client: SyncPrefectClient) -> list[Automation]:
    """Every automation on the server, not only ours, in order of name."""
    found: list[Automation] = []
    while page := client.read_automations(offset=len(found), limit=PAGE):
        found += page
    return found


def _deployment_ids(client: SyncPrefectClient, names: Iterable[str]) -> dict[str, UUID]:
    from prefect.exceptions import ObjectNotFound

    found = {}
    for name in names:
        try:
            found[name] = client.read_deployment_by_name(name).id
        except ObjectNotFound:
            continue
    return found


def _carry_out(client: SyncPrefectClient, change: Change) -> None:
    if change.kind == "created" and change.wanted is not None:
        client.create_automation(change.wanted)
    elif (
        change.kind == "updated" and change.automation_id is not None and change.wanted is not None
    ):
        client.update_automation(change.automation_id, change.wanted)
    elif change.kind == "removed" and change.automation_id is not None:
        client.delete_automation(change.automation_id)
