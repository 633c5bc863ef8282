import getpass

import pytest

from configs.errors import ConfigError
from configs.load import load_lifecycle
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from flows import requester as module
from flows.requester import requester


class Runtime:
    """What prefect.runtime says in a run."""

    class flow_run:
        name = "brave-otter"

    class deployment:
        id = None


@pytest.fixture
def asks(monkeypatch, tmp_path):
    """Who asks for the demo with rules of approval."""
    import yaml

    demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")

    def ask(requested_by, deployment=None, **gate):
        monkeypatch.setattr(module, "runtime", Runtime)
        monkeypatch.setattr(Runtime.deployment, "id", deployment)
        path = tmp_path / "demo.yaml"
        path.write_text(yaml.safe_dump(demo | {"gate": demo["gate"] | gate}))
        return requester(load_lifecycle(str(path)), requested_by)

    return ask


def test_without_approval_the_runs_name_stands_for_who_did_not_say(asks):
    assert asks(" ada ") == "ada"
    assert asks("") == "brave-otter"
    assert asks("", "a deployment", approval={"four_eyes": False}) == "brave-otter"


def test_under_four_eyes_a_deployments_run_must_say_who_asks(asks):
    assert asks("ada", "a deployment", approval={}) == "ada"
    with pytest.raises(ConfigError, match=r"requested_by of demo: .* Say who asks"):
        asks(" ", "a deployment", approval={})
    with pytest.raises(ConfigError, match=r"requested_by of demo: .* Say who asks"):
        asks("\u200b", "a deployment", approval={})


def test_in_a_terminal_it_is_whoever_is_logged_in(asks):
    assert asks("", approval={}) == getpass.getuser()


def test_a_run_that_nobody_else_could_approve_is_refused(asks):
    rules = {"approvers": ["Ada", "grace"], "approvals": 2}
    with pytest.raises(ConfigError, match="expected 2 approvers besides ada, who asks, got 1"):
        asks("ada", approval=rules)
    assert asks("edsger", approval=rules) == "edsger"
