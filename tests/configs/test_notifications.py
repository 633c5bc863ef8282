"""Settings of notifications: secrets by the name of their variable, never in the file."""

import pytest

from configs.errors import ConfigError
from configs.notifications import NotificationsConfig, load_notifications


def test_without_a_file_the_address_is_the_variables(tmp_path):
    config = load_notifications({"PAWL_WEBHOOK_URL": "https://hook.example/a"})

    assert config.format == "generic"
    assert config.url({"PAWL_WEBHOOK_URL": " https://hook.example/a\n"}) == "https://hook.example/a"
    assert config.url({}) is None


def test_a_file_names_the_variables_that_hold_secrets(tmp_path):
    file = tmp_path / "n.yaml"
    file.write_text("format: teams\nurl_variable: HOOK\nheaders: {X-Key: HOOK_KEY}\n")
    environment = {"PAWL_NOTIFICATIONS": str(file), "HOOK": "https://h.example", "HOOK_KEY": "k"}

    config = load_notifications(environment)

    assert config.url(environment) == "https://h.example"
    assert config.header_values(environment) == {"X-Key": "k"}


def test_a_header_whose_variable_is_not_set_is_named():
    config = NotificationsConfig(headers={"X-Key": "HOOK_KEY"})

    with pytest.raises(ConfigError, match=r"header X-Key.*HOOK_KEY, found none"):
        config.header_values({"HOOK_KEY": ""})


def test_an_address_that_is_none_is_refused_without_being_shown():
    with pytest.raises(ConfigError, match="begins with https://") as caught:
        NotificationsConfig().url({"PAWL_WEBHOOK_URL": "hooks.example/s3cret"})

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("format: slak\n", "slak"),
        ("timeout_s: 600\n", "60"),
        ("existing_block: no slash\n", "existing_block"),
        ("url: https://hook.example\n", "url_variable"),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, text, says):
    file = tmp_path / "n.yaml"
    file.write_text(text)

    with pytest.raises(ConfigError, match=says):
        load_notifications({"PAWL_NOTIFICATIONS": str(file)})
