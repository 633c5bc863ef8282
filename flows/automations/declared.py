"""The automations that configuration files declare.

Does: read them in the form that `prefect automation create --from-file` takes, refuse what Prefect
would silently ignore, and fill in the ids of deployments and of the notification block, which only
a server knows: an action names them as `deployment: flow/deployment` and `block: notifications`.
Does not: talk to a server (flows/automations/apply.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from configs.errors import ConfigError
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml

if TYPE_CHECKING:
    from prefect.events.schemas.automations import AutomationCore

PREFIX = "Pawl: "
"""Begins the name of every automation of ours."""
MARK = "managed-by-pawl"
"""Tag of every automation that `pawl deploy` may change and remove."""
NOTIFICATIONS = "notifications"
DIRECTORY = SHIPPED / "automations"
KEYS = frozenset({"name", "description", "enabled", "tags", "trigger", "actions"})


@dataclass(frozen=True)
class Declared:
    """One automation as its file declares it."""

    path: Path
    content: dict[str, Any]

    @property
    def name(self) -> str:
        """Name in Prefect, with our prefix."""
        return PREFIX + str(self.content["name"]).removeprefix(PREFIX)

    @property
    def deployments(self) -> list[str]:
        """Deployments that its actions run, as `flow/deployment`."""
        return [action["deployment"] for action in self._actions if "deployment" in action]

    @property
    def notifies(self) -> bool:
        """Whether an action sends a message."""
        return any("block" in action for action in self._actions)

    @property
    def _actions(self) -> list[dict[str, Any]]:
        return list(self.content["actions"])

    def with_ids(self, deployments: Mapping[str, UUID], block: UUID | None) -> AutomationCore:
        """The automation as Prefect takes it.

        Args:
            deployments: id of each deployment that it runs.
            block: id of the notification block; needed if it notifies.
        Raises:
            ConfigError: when Prefect's own schema refuses it.
        """
        from prefect.events.schemas.automations import AutomationCore
        from pydantic import ValidationError

        content = {
            **self.content,
            "name": self.name,
            "tags": sorted({*self.content.get("tags", ()), MARK}),
            "actions": [_with_id(action, deployments, block) for action in self._actions],
        }
        try:
            return AutomationCore.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"])
            raise ConfigError(
                f"{self.path}: {place}",
                f"expected what a Prefect automation has, got: {first['msg']}",
                "Correct it; Prefect's documentation of automations lists the fields.",
            ) from error


def _with_id(
    action: dict[str, Any], deployments: Mapping[str, UUID], block: UUID | None
) -> dict[str, Any]:
    found = {key: value for key, value in action.items() if key not in ("deployment", "block")}
    if "deployment" in action:
        found["deployment_id"] = deployments[action["deployment"]]
    if "block" in action:
        found["block_document_id"] = block
    return found


def declared_automations(directory: Path = DIRECTORY) -> list[Declared]:
    """Every automation of a directory's YAML files, in the order of their names.

    Raises:
        ConfigError: when a file is malformed, or two automations have one name: `pawl deploy` knows
            them by it.
    """
    found = [_read(path) for path in sorted(directory.glob("*.yaml"))]
    by_name: dict[str, Declared] = {}
    for declared in found:
        if other := by_name.get(declared.name):
            raise ConfigError(
                str(declared.path),
                f"expected a name of its own, got {declared.name!r}, which {other.path} has too",
                "Rename one of them.",
            )
        by_name[declared.name] = declared
    return [by_name[name] for name in sorted(by_name)]


def _read(path: Path) -> Declared:
    content = read_yaml(path)
    if unknown := sorted(content.keys() - KEYS):
        raise ConfigError(
            f"{path}: {unknown[0]}",
            f"expected one of {', '.join(sorted(KEYS))}, got {unknown[0]!r}",
            "Correct the key; Prefect would ignore it without a word.",
        )
    if missing := sorted({"name", "trigger", "actions"} - content.keys()):
        raise ConfigError(str(path), f"expected the key {missing[0]!r}, found none", "Add it.")
    actions = content["actions"]
    if not isinstance(actions, list) or not all(isinstance(action, dict) for action in actions):
        raise ConfigError(
            f"{path}: actions",
            "expected a list of mappings, got something else",
            "Write `- type: ...`.",
        )
    for action in actions:
        if action.get("block", NOTIFICATIONS) != NOTIFICATIONS:
            raise ConfigError(
                f"{path}: block",
                f"expected {NOTIFICATIONS!r}, the one block that Pawl sets up, got {action['block']!r}",
                f"Write `block: {NOTIFICATIONS}`, or `block_document_id:` with an id of your own.",
            )
    return Declared(path, content)
