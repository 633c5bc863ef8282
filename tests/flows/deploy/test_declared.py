"""What prefect.yaml declares is complete, and what it breaks is named."""

import importlib
import inspect
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator
from prefect.exceptions import ParameterTypeError
from prefect.utilities.callables import parameter_schema

from configs.errors import ConfigError
from flows.deploy.declared import PREFECT_YAML, chosen, declared_deployments

ROOT = Path(__file__).parents[3]
DECLARED = {one.name: one for one in declared_deployments()}
NAMES = (
    "lifecycle", "fine-tune", "re-evaluate", "evaluate-matrix", "watch-weights", "promote",
    "rollback", "distill", "sweep",
)  # fmt: skip


def flow_of(declared):
    module, name = declared.entrypoint.rsplit(".", 1)
    return getattr(importlib.import_module(module), name)


def refusal(tmp_path, **changes):
    content = yaml.safe_load(PREFECT_YAML.read_text())
    content["deployments"][0] |= changes
    path = tmp_path / "prefect.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError) as raised:
        declared_deployments(path)
    return str(raised.value)


def test_the_file_at_the_root_is_the_one_that_ships():
    assert (ROOT / "prefect.yaml").read_text() == PREFECT_YAML.read_text()


def test_all_deployments_are_there():
    assert tuple(DECLARED) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_flow_is_named_as_its_deployment_and_takes_one_request(name):
    flow = flow_of(DECLARED[name])
    assert flow.name == name
    assert list(inspect.signature(flow.fn).parameters) == ["request"]
    assert flow.description


@pytest.mark.parametrize("name", NAMES)
def test_what_forms_and_schedules_are_filled_with_is_accepted_by_the_form(name):
    declared = DECLARED[name]
    schema = parameter_schema(flow_of(declared)).model_dump(exclude_unset=True)
    request = declared.parameters.get("request")
    scheduled = [schedule.parameters.get("request", request) for schedule in declared.schedules]
    for filled in [request] * (request is not None) + scheduled:
        definition = schema["definitions"][schema["properties"]["request"]["$ref"].split("/")[-1]]
        whole = definition | {"definitions": schema["definitions"]}
        Draft202012Validator(whole).validate(filled)


@pytest.mark.parametrize("name", NAMES)
def test_a_run_reads_the_request_of_its_form(name):
    """Prefect finds the types of a flow's parameters in the module of what it was given to wrap."""
    flow = flow_of(DECLARED[name])
    with pytest.raises(ParameterTypeError, match="no_such_field"):
        flow.validate_parameters({"request": {"no_such_field": 1}})


def test_an_unknown_key_which_prefect_would_ignore_is_named(tmp_path):
    message = refusal(tmp_path, concurency_limit=1)
    assert "deployment lifecycle: concurency_limit: unknown key" in message
    assert "did you mean 'concurrency_limit'?" in message


def test_a_schedule_needs_one_way_to_say_when(tmp_path):
    schedule = {"slug": "both", "cron": "0 3 * * *", "interval": 60}
    message = refusal(tmp_path, schedules=[schedule])
    assert "expected either cron or interval; leave one of them out" in message


def test_an_entrypoint_is_a_module_path(tmp_path):
    message = refusal(tmp_path, entrypoint="flows/deployed/lifecycle.py:lifecycle")
    assert "entrypoint: expected" in message


def test_a_file_without_deployments_is_refused(tmp_path):
    path = tmp_path / "prefect.yaml"
    path.write_text("name: pawl\n")
    with pytest.raises(ConfigError, match="expected a list of mappings"):
        declared_deployments(path)


def test_only_named_deployments_are_chosen_and_a_wrong_name_is_refused():
    declared = list(DECLARED.values())
    assert [one.name for one in chosen(declared, ["sweep", "promote"])] == ["promote", "sweep"]
    assert chosen(declared, []) == declared
    with pytest.raises(ConfigError, match=r"--only: expected one of lifecycle, .*, got 'swep'"):
        chosen(declared, ["swep"])
