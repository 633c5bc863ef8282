"""Where messages about runs and models go.

Does: hold and read the settings; secrets stay in environment variables or Prefect, never in a file.
Does not: say what messages say; each automation in configs/automations/ has its own templates.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from pydantic import Field

from configs.errors import ConfigError
from configs.strict_model import StrictModel

FILE_VARIABLE = "PAWL_NOTIFICATIONS"
URL_VARIABLE = "PAWL_WEBHOOK_URL"


class NotificationsConfig(StrictModel):
    """One webhook, or one Prefect notification block, that gets every message."""

    format: Literal["generic", "slack", "teams"] = "generic"
    """Shape of the JSON that the webhook gets: `slack` for Slack and what imitates it (Mattermost,
    Rocket.Chat, Discord's `/slack` addresses), `teams` for a Workflow of Microsoft Teams, `generic`
    for `{"source", "subject", "body"}`."""

    url_variable: str = URL_VARIABLE
    """Environment variable that holds the webhook's address."""

    url_secret: str | None = None
    """Prefect Secret block that holds the webhook's address, instead of the environment variable."""

    headers: dict[str, str] = Field(default_factory=dict)
    """Headers to send, each with the environment variable that holds its value, such as
    `Authorization: PAWL_WEBHOOK_AUTHORIZATION`. Prefect cannot sign what it sends: a secret header
    over https is how a receiver knows the sender."""

    timeout_s: float = Field(default=10, ge=1, le=60)
    """Seconds to wait for the receiver's answer, 1 to 60."""

    existing_block: str | None = Field(default=None, pattern=r"^[a-z0-9-]+/[a-zA-Z0-9_-]+$")
    """A notification block that you set up in Prefect yourself (e-mail, PagerDuty, Slack), as
    `type/name` such as `slack-webhook/ops`, instead of a webhook."""

    def url(self, environment: Mapping[str, str]) -> str | None:
        """The webhook's address as the environment has it; None if it does not say.

        Raises:
            ConfigError: when what it says is no http address.
        """
        url = environment.get(self.url_variable, "").strip()
        return checked_url(url, self.url_variable) if url else None

    def header_values(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Every header with its value.

        Raises:
            ConfigError: when a variable is not set.
        """
        for header, variable in self.headers.items():
            if not environment.get(variable):
                raise ConfigError(
                    f"header {header} of notifications",
                    f"expected its value in {variable}, found none",
                    "Set that environment variable.",
                )
        return {header: environment[variable] for header, variable in self.headers.items()}


def checked_url(url: str, where: str) -> str:
    """The address, if it is one that a webhook can have.

    Raises:
        ConfigError: otherwise; the address is not shown, for those of webhooks are secrets.
    """
    if not url.startswith(("https://", "http://")):
        raise ConfigError(
            where,
            "expected an address that begins with https://, got something else",
            "Copy the webhook's address from the receiver.",
        )
    return url


def load_notifications(environment: Mapping[str, str] | None = None) -> NotificationsConfig:
    """The settings in the file that PAWL_NOTIFICATIONS names; the defaults without one.

    Raises:
        ConfigError: when the file is missing or malformed.
    """
    from configs.validation import validate
    from configs.yaml_file import read_yaml

    found = os.environ if environment is None else environment
    if not (path := found.get(FILE_VARIABLE)):
        return NotificationsConfig()
    return validate(NotificationsConfig, read_yaml(Path(path)), path)
