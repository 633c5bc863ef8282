"""Files of automations: what is read from them, and what is refused."""

from uuid import uuid4

import pytest

from configs.errors import ConfigError
from flows.automations.declared import MARK, declared_automations

ACTION = "actions: [{type: do-nothing}]\n"
TRIGGER = "trigger: {type: event, expect: [a.b], posture: Reactive}\n"


@pytest.fixture
def declare(tmp_path):
    def write(**files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return declared_automations(tmp_path)

    return write


def test_every_shipped_automation_is_one_that_prefect_takes():
    block, deployment = uuid4(), uuid4()

    for declared in declared_automations():
        deployments = dict.fromkeys(declared.deployments, deployment)
        made = declared.with_ids(deployments, block)
        assert made.name.startswith("Pawl: ")
        assert MARK in made.tags
        assert made.description.strip()
        for action in made.actions:
            assert getattr(action, "block_document_id", block) == block
            assert getattr(action, "deployment_id", deployment) == deployment


def test_a_name_gets_our_prefix_once(declare):
    found = declare(a=f"name: one\n{TRIGGER}{ACTION}", b=f"name: 'Pawl: two'\n{TRIGGER}{ACTION}")

    assert [declared.name for declared in found] == ["Pawl: one", "Pawl: two"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"name: a\ntriger: 1\n{TRIGGER}{ACTION}", "got 'triger'"),
        (f"name: a\n{TRIGGER}", "'actions', found none"),
        (f"name: a\n{TRIGGER}actions: [notify]\n", "a list of mappings"),
        (f"name: a\n{TRIGGER}actions: [{{type: send-notification, block: mail}}]\n", "got 'mail'"),
    ],
)
def test_what_prefect_would_ignore_is_refused(declare, text, says):
    with pytest.raises(ConfigError, match=says):
        declare(a=text)


def test_two_files_with_one_name_are_refused(declare):
    text = f"name: same\n{TRIGGER}{ACTION}"

    with pytest.raises(ConfigError, match=r"b\.yaml.*'Pawl: same'.*a\.yaml"):
        declare(a=text, b=text)


def test_what_prefects_schema_refuses_names_file_and_field(declare):
    [declared] = declare(a=f"name: a\n{TRIGGER.replace('Reactive', 'Sleepy')}{ACTION}")

    with pytest.raises(ConfigError, match=r"a\.yaml: trigger\..*posture"):
        declared.with_ids({}, None)
