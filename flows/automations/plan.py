"""What has to change so that a server has the automations that are declared, and each once.

Does: compare by name; plan creations, updates in place, and removal of duplicates and retired ones.
Does not: touch automations without our mark, nor enable one that a person paused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from uuid import UUID

from flows.automations.declared import MARK, PREFIX

if TYPE_CHECKING:
    from prefect.events.schemas.automations import Automation, AutomationCore

Kind = Literal["created", "updated", "unchanged", "removed", "skipped"]


@dataclass(frozen=True)
class Change:
    """What is to be done about one automation."""

    kind: Kind
    name: str
    why: str = ""
    """For people; empty where the kind says all."""
    automation_id: UUID | None = None
    """The automation on the server; None if it is to be created or is skipped."""
    wanted: AutomationCore | None = None
    """What it is to be; None if it is to be removed, is unchanged or is skipped."""


def planned_changes(
    wanted: Sequence[AutomationCore],
    skipped: dict[str, str],
    existing: Sequence[Automation],
) -> list[Change]:
    """Changes that lead from what exists to what is wanted; none but `unchanged` the second time.

    Args:
        wanted: automations that can work on this server, with our mark.
        skipped: name to reason, of declared ones that cannot: left as they are.
        existing: everything on the server.
    """
    changes = [Change("skipped", name, why) for name, why in skipped.items()]
    for automation in wanted:
        namesakes = [known for known in existing if known.name == automation.name]
        same_name = [known for known in namesakes if MARK in known.tags]
        if namesakes and not same_name:
            why = f"another automation has this name, without the tag {MARK}: rename or delete it"
            changes.append(Change("skipped", automation.name, why))
            continue
        if not same_name:
            changes.append(Change("created", automation.name, wanted=automation))
            continue
        kept = same_name[0]
        changes.append(_of_existing(automation, kept))
        changes += [
            Change("removed", twin.name, "a duplicate, which would act a second time", twin.id)
            for twin in same_name[1:]
        ]
    declared = {automation.name for automation in wanted} | skipped.keys()
    changes += [
        Change("removed", known.name, "no longer part of Pawl", known.id)
        for known in existing
        if MARK in known.tags and known.name.startswith(PREFIX) and known.name not in declared
    ]
    return changes


def _of_existing(wanted: AutomationCore, existing: Automation) -> Change:
    paused = "" if existing.enabled else "paused by a person; left so"
    # Prefect forgets what a trigger has seen so far when it is updated: not without need.
    if _content(wanted) == _content(existing):
        return Change("unchanged", wanted.name, paused, existing.id)
    kept_state = wanted.model_copy(update={"enabled": existing.enabled})
    return Change("updated", wanted.name, paused, existing.id, kept_state)


def _content(automation: AutomationCore) -> dict[str, object]:
    return automation.model_dump(exclude={"id", "enabled", "owner_resource"})
