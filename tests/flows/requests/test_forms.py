"""Forms become lifecycles; what is wrong about them is said in words."""

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from pydantic import ValidationError

from configs.errors import ConfigError
from configs.lifecycle import LoraConfig
from configs.load import load_gate, load_lifecycle
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml
from flows.requests.fine_tune import FineTuneRequest, fine_tuning_of
from flows.requests.lifecycle import LifecycleRequest, lifecycle_of
from flows.requests.promote import PromoteRequest
from flows.requests.rollback import RollbackRequest

REQUESTS = (LifecycleRequest, FineTuneRequest, PromoteRequest, RollbackRequest)
OTHER_BASE = {"base_model": "file:///weights"}


@pytest.fixture
def own_lifecycles(tmp_path, monkeypatch):
    """Write a lifecycle of one's own: the demo with changes."""
    monkeypatch.setenv("PAWL_CONFIGS", str(tmp_path))
    (tmp_path / "lifecycles").mkdir()

    def write(name, **changes):
        path = tmp_path / "lifecycles" / f"{name}.yaml"
        demo = read_yaml(SHIPPED / "lifecycles" / "demo.yaml")
        path.write_text(yaml.safe_dump(demo | {"name": name} | changes))
        return path

    return write


def numbers_of(schema):
    """Fields of numbers of every model in a JSON Schema."""
    models = [schema, *schema.get("$defs", {}).values()]
    for model in models:
        for name, field in model.get("properties", {}).items():
            kinds = [field.get("type"), *(one.get("type") for one in field.get("anyOf", []))]
            if {"integer", "number"} & set(kinds):
                yield name, field


def test_a_form_left_as_it_is_gives_the_lifecycle_as_declared():
    assert lifecycle_of(LifecycleRequest(lifecycle="demo")) == load_lifecycle("demo")


def test_the_drop_down_lists_ones_own_lifecycles_too(own_lifecycles):
    own_lifecycles("mine")
    listed = LifecycleRequest.model_json_schema()["properties"]["lifecycle"]["enum"]
    assert {"mine", "demo"} <= set(listed)
    own_lifecycles("another")
    listed = LifecycleRequest.model_json_schema()["properties"]["lifecycle"]["enum"]
    assert "another" in listed


def test_a_lifecycle_deleted_after_the_form_was_sent_is_named_with_the_nearest(own_lifecycles):
    path = own_lifecycles("notes-2026")
    own_lifecycles("notes-2025")
    request = LifecycleRequest(lifecycle="notes-2026")
    path.unlink()
    with pytest.raises(ConfigError) as raised:
        lifecycle_of(request)
    assert str(raised.value).startswith("notes-2026: expected the path of a YAML file or one of ")
    assert str(raised.value).endswith("Did you mean 'notes-2025'?")


def test_changes_replace_what_is_declared():
    changes = {"gate": "no-worse-than-baseline", "model_name": "trial", "seed": 3}
    changes |= {"skip_bad_rows": True}
    config = lifecycle_of(
        LifecycleRequest.model_validate({"lifecycle": "demo", "changes": changes})
    )
    declared = load_lifecycle("demo")
    assert config == declared.model_copy(
        update={
            "gate": load_gate("no-worse-than-baseline"),
            "registry": declared.registry.model_copy(update={"model_name": "trial"}),
            "seed": 3,
            "skip_bad_rows": True,
        }
    )


def test_the_digest_of_the_declared_base_is_not_asked_of_another_base():
    config = lifecycle_of(LifecycleRequest.model_validate({"changes": OTHER_BASE}))
    assert (config.base_model.source, config.base_model.digest) == ("file:///weights", None)
    digest = "sha256:" + "0" * 64
    changes = OTHER_BASE | {"base_digest": digest}
    config = lifecycle_of(LifecycleRequest.model_validate({"changes": changes}))
    assert config.base_model.digest == digest


def test_a_gate_that_the_lifecycle_cannot_serve_is_refused_with_what_to_do(own_lifecycles):
    own_lifecycles("unguarded", guard_tasks=[], gate="no-worse-than-baseline")
    request = {"lifecycle": "unguarded", "changes": {"gate": "clinical-strict"}}
    with pytest.raises(ConfigError) as raised:
        lifecycle_of(LifecycleRequest.model_validate(request))
    assert str(raised.value) == (
        "lifecycle unguarded with the values of the form: gate: expected a guard task among [], got "
        "'note-reading'; add it to guard_tasks or leave the rule out. Correct the form and submit it "
        "again."
    )


def test_fine_tuning_takes_the_forms_settings_and_the_lifecycles_everything_else():
    request = {"lora": {"rank": 8, "epochs": 2}, "quantizations": ["awq"], "requested_by": "Ada"}
    config = fine_tuning_of(FineTuneRequest.model_validate(request))
    declared = load_lifecycle("demo")
    assert config.lora == LoraConfig(rank=8, epochs=2)
    assert config.quantizations == tuple(q for q in declared.quantizations if q.scheme == "awq")
    assert config.gate.candidates == ("awq", "fine-tuned")
    changed = {"lora", "quantizations", "gate"}
    assert config.model_dump(exclude=changed) == declared.model_dump(exclude=changed)


def test_a_gate_without_any_candidate_that_is_made_is_refused(own_lifecycles):
    gate = {"candidates": ["awq"], "comparisons": [{"metric": "micro_f1", "margin": 0.05}]}
    own_lifecycles("only-awq", gate=gate)
    with pytest.raises(ConfigError, match="add the quantization or leave the candidate out"):
        fine_tuning_of(FineTuneRequest(lifecycle="only-awq"))


@pytest.mark.parametrize("request_type", REQUESTS)
def test_every_number_tells_its_range_and_every_field_has_a_description(request_type):
    schema = request_type.model_json_schema()
    for name, field in numbers_of(schema):
        assert "Range: " in field["description"], name
    for model in [schema, *schema.get("$defs", {}).values()]:
        for name, field in model.get("properties", {}).items():
            assert field.get("description"), name


@pytest.mark.parametrize("request_type", [PromoteRequest, RollbackRequest])
@pytest.mark.parametrize("field", ["requested_by", "reason"])
def test_a_change_of_the_champion_needs_who_and_why(request_type, field):
    complete = {"model": "m", "reason": "because", "requested_by": "Ada"}
    complete |= {"version": 1} if request_type is PromoteRequest else {}
    request_type.model_validate(complete)
    with pytest.raises(ValidationError, match=field):
        request_type.model_validate(complete | {field: ""})


def test_prefects_form_of_a_flow_is_the_requests_own_schema():
    from flows.deployed.fine_tune import fine_tune

    schema = parameter_schema(fine_tune)
    assert schema.required == ["request"]
    form = schema.definitions["FineTuneRequest"]["properties"]
    assert form["quantizations"]["items"]["enum"] == ["fp8-dynamic", "awq"]
    assert form["lora"]["title"] == "LoRA"
    assert schema.definitions["LoraConfig"]["properties"]["rank"]["maximum"] == 1024
