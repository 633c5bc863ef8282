"""The JSON that receivers of messages want.

Does: place subject and body, as `{{subject}}` and `{{body}}`, which Prefect's block fills in.
Does not: send anything.
"""

from __future__ import annotations

from typing import Any, Literal

Format = Literal["generic", "slack", "teams"]


def json_of_message(message_format: Format) -> dict[str, Any]:
    """Template of one message.

    Sources: Slack, "Sending messages using incoming webhooks"; Microsoft, "Create incoming webhooks
    with Workflows for Microsoft Teams" (an Adaptive Card in a message).
    """
    if message_format == "slack":
        return {"text": "*{{subject}}*\n{{body}}"}
    if message_format == "teams":
        return {"type": "message", "attachments": [_card()]}
    return {"source": "pawl", "subject": "{{subject}}", "body": "{{body}}"}


def _card() -> dict[str, Any]:
    heading = {"type": "TextBlock", "text": "{{subject}}", "weight": "bolder", "wrap": True}
    return {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "content": {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.4",
            "body": [heading, {"type": "TextBlock", "text": "{{body}}", "wrap": True}],
        },
    }
