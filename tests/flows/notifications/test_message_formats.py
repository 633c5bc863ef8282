"""What receivers of messages get, as Prefect's block fills it in."""

import json

import pytest
from prefect.blocks.notifications import CustomWebhookNotificationBlock

from flows.notifications.message_formats import json_of_message

SUBJECT = 'a "quoted" \\ subject'
BODY = "line 1\nline 2 {{ name }} <b> {% if %}"


def filled(message_format):
    block = CustomWebhookNotificationBlock(
        name="Pawl", url="http://receiver.example", json_data=json_of_message(message_format)
    )
    return block._build_request_args(BODY, SUBJECT)["json"]


def test_the_generic_form_has_subject_and_body_apart():
    assert filled("generic") == {"source": "pawl", "subject": SUBJECT, "body": BODY}


def test_slack_gets_one_text_with_the_subject_in_bold():
    assert filled("slack") == {"text": f"*{SUBJECT}*\n{BODY}"}


def test_teams_gets_an_adaptive_card():
    message = filled("teams")

    [attachment] = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert [block["text"] for block in attachment["content"]["body"]] == [SUBJECT, BODY]


@pytest.mark.parametrize("message_format", ["generic", "slack", "teams"])
def test_every_form_is_json(message_format):
    assert json.loads(json.dumps(filled(message_format))) == filled(message_format)
