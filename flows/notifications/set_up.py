"""The Prefect block through which every message goes.

Does: make or update it from configuration; find the one that is there when nothing is configured.
Does not: write messages (configs/automations/) or send them (the Prefect server does).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from uuid import UUID

from configs.errors import ConfigError, PrefectError
from configs.notifications import NotificationsConfig, checked_url, load_notifications
from flows.notifications.message_formats import json_of_message

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

BLOCK_NAME = "pawl-notifications"
BLOCK_TYPE = "custom-webhook"


def notification_block(client: SyncPrefectClient, webhook_url: str | None = None) -> UUID | None:
    """Id of the block, set up as configured; the one made before if nothing is configured now.

    Args:
        webhook_url: the webhook's address, instead of what the configuration says.
    Returns:
        None if there is none and nobody said where messages go.
    Raises:
        ConfigError: when the configuration is malformed or names a variable that is not set.
        PrefectError: when it names a block that Prefect does not have.
    """
    config = load_notifications()
    if webhook_url is None and config.existing_block is not None:
        kind, _, name = config.existing_block.partition("/")
        return UUID(str(_found(client, name, kind).id))
    url = (
        checked_url(webhook_url, "webhook_url") if webhook_url else _configured_url(client, config)
    )
    if url is None:
        return _id_of_block(client, BLOCK_NAME, BLOCK_TYPE)
    return _save(client, config, url)


def _configured_url(client: SyncPrefectClient, config: NotificationsConfig) -> str | None:
    if config.url_secret is None:
        return config.url(os.environ)
    value = _found(client, config.url_secret, "secret", secrets=True).data.get("value")
    if not isinstance(value, str):
        raise ConfigError(
            f"Prefect block secret/{config.url_secret}",
            "expected the webhook's address as text, got something else",
            "Save the address in it.",
        )
    return checked_url(value, f"Prefect block secret/{config.url_secret}")


def _save(client: SyncPrefectClient, config: NotificationsConfig, url: str) -> UUID:
    from prefect.blocks.notifications import CustomWebhookNotificationBlock
    from prefect.types import SecretDict

    values = config.header_values(os.environ)
    # Whatever is not among `secrets` shows on the block's page.
    placeholders = {header: f"header{number}" for number, header in enumerate(sorted(values))}
    block = CustomWebhookNotificationBlock(
        name="Pawl",
        url="{{address}}",
        json_data=json_of_message(config.format),
        headers={header: f"{{{{{key}}}}}" for header, key in placeholders.items()},
        secrets=SecretDict(
            {"address": url, **{key: values[header] for header, key in placeholders.items()}}
        ),
        timeout=config.timeout_s,
    )
    block.save(BLOCK_NAME, overwrite=True)
    return UUID(str(_found(client, BLOCK_NAME, BLOCK_TYPE).id))


def _found(client: SyncPrefectClient, name: str, kind: str, secrets: bool = False) -> Any:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_block_document_by_name(name, kind, include_secrets=secrets)
    except ObjectNotFound as error:
        raise PrefectError(
            f"Prefect block {kind}/{name}",
            "expected the block that the notifications' configuration names, found none",
            "Create it on the Blocks page, or correct the name.",
        ) from error


def _id_of_block(client: SyncPrefectClient, name: str, kind: str) -> UUID | None:
    from prefect.exceptions import ObjectNotFound

    try:
        return client.read_block_document_by_name(name, kind).id
    except ObjectNotFound:
        return None
