import re
import shutil
from pathlib import Path

import pytest
import yaml

from configs.errors import PinError, RegistryError
from configs.lifecycle import ServingConfig
from registry.digests import sha256_of_file
from registry.pins import (
    pin_current_champion,
    pin_yaml,
    read_pin,
    verify_against_registry,
    verify_pin,
    write_pin,
)
from registry.promotion import promote_version, register, rollback
from registry.records import TAG_PREFIX


@pytest.fixture
def pin(store, plan_of, model):
    promote_version(store, plan_of("one"))
    return pin_current_champion(store, model, "champion")


@pytest.fixture
def weights(pin):
    return Path(pin.weights_location.removeprefix("file://"))


def changed(pin, **fields):
    return pin.model_copy(update=fields)


def test_a_pin_holds_the_sha256_of_every_file_and_where_they_come_from(
    pin, weights, plan_of, model
):
    held = {file.path: file.sha256 for file in pin.files}
    assert held == {path.name: sha256_of_file(path) for path in weights.iterdir()}
    assert set(held) == {"config.json", "model.safetensors"}
    plan = plan_of("one")
    assert (pin.model, pin.version, pin.ledger_entry) == (model, 1, 1)
    assert (pin.lineage, pin.decision_digest) == (plan.lineage, plan.decision_digest)


def test_a_pin_says_how_to_serve_without_any_name_that_could_move(store, pin, weights, model):
    serving = ServingConfig(max_model_len_tokens=512)
    pin = pin_current_champion(store, model, "champion", serving)
    command = " ".join(pin.serving.command)
    assert f"--model {weights} --served-model-name {model} --max-model-len 512" in command
    assert pin.serving.quantization == "awq"


def test_a_pin_survives_writing_and_reading(pin, tmp_path):
    path = tmp_path / "new directory" / "pin.yaml"
    write_pin(pin, path)
    assert read_pin(path) == pin
    assert path.read_text(encoding="utf-8") == pin_yaml(pin)
    assert list(path.parent.iterdir()) == [path]


def test_untouched_weights_are_verified_wherever_they_are(pin, weights, tmp_path):
    verified = verify_pin(pin)
    assert (verified.directory, verified.files) == (weights, 2)
    assert verified.bytes == sum(path.stat().st_size for path in weights.iterdir())
    shutil.copytree(weights, tmp_path / "copy")
    assert verify_pin(pin, tmp_path / "copy").directory == tmp_path / "copy"


@pytest.mark.parametrize("position", [0, -1])
def test_one_flipped_byte_fails_and_names_the_file(pin, weights, position):
    path = weights / "model.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(PinError) as failed:
        verify_pin(pin)
    assert str(failed.value).startswith(
        f"pin of {pin.model} version 1 in {weights}: 1 of its files"
    )
    assert f"model.safetensors: expected sha256 {pin.files[1].sha256}, got" in str(failed.value)
    assert str(failed.value).endswith("Do not serve them; restore the weights.")


def test_every_missing_and_additional_file_is_named(pin, weights):
    (weights / "config.json").unlink()
    (weights / ".code.py").write_text("print()")
    with pytest.raises(PinError, match="2 of its files are not what was promoted") as failed:
        verify_pin(pin)
    assert re.search(r"config.json: expected sha256 \w+, but it is missing", str(failed.value))
    assert ".code.py: not in the manifest" in str(failed.value)


def test_missing_weights_fail(pin, weights):
    shutil.rmtree(weights)
    with pytest.raises(PinError, match=f"{weights}: missing"):
        verify_pin(pin)


def test_weights_elsewhere_than_on_a_file_system_are_to_be_mounted(pin):
    with pytest.raises(RegistryError, match=r"expected a file:// location, got another. Mount"):
        verify_pin(changed(pin, weights_location="s3://bucket/model"))


def test_an_edited_list_of_files_is_noticed_without_the_registry(pin):
    with pytest.raises(PinError, match=r"expected digest sha256:.*Someone edited the pin; make it"):
        verify_pin(changed(pin, files=pin.files[1:]))


def test_a_command_that_serves_other_files_than_the_pin_names_is_noticed(pin, weights):
    command = tuple("/tmp/evil" if part == str(weights) else part for part in pin.serving.command)
    serving = pin.serving.model_copy(update={"command": command})
    with pytest.raises(PinError, match=f"expected --model {weights}, got --model /tmp/evil"):
        verify_pin(changed(pin, serving=serving))


@pytest.mark.parametrize(
    "content",
    ["", "- a\n", "model: [", "\x00", "model: only\n", "{{}}", "a: &a [*a]"],
    ids=["empty", "a list", "no YAML", "NUL", "incomplete", "template", "recursive"],
)
def test_a_file_that_is_no_pin_is_refused(tmp_path, content):
    (tmp_path / "pin.yaml").write_text(content)
    with pytest.raises(
        PinError, match=r"expected a pin, got: (?s:.*) Make it again with `pawl pin`"
    ) as e:
        read_pin(tmp_path / "pin.yaml")
    assert str(e.value).startswith(str(tmp_path / "pin.yaml"))


@pytest.mark.parametrize(
    "edit",
    [{"files": []}, {"unknown": 1}, {"schema_version": 2}, {"version": "one"}],
    ids=lambda edit: next(iter(edit)),
)
def test_a_pin_edited_out_of_shape_is_refused(pin, tmp_path, edit):
    content = yaml.safe_load(pin_yaml(pin)) | edit
    (tmp_path / "pin.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(PinError):
        verify_pin(read_pin(tmp_path / "pin.yaml"))


def test_a_missing_pin_file_is_refused(tmp_path):
    with pytest.raises(PinError, match=r"expected a pin file, found none. Check the path"):
        read_pin(tmp_path / "pin.yaml")


def test_without_champion_there_is_no_pin(store, plan_of, model):
    register(store, plan_of())
    with pytest.raises(PinError) as refused:
        pin_current_champion(store, model, "champion")
    assert str(refused.value) == (
        f"{model}: expected a champion, found none. Promote a version first."
    )


def test_an_alias_moved_by_hand_changes_no_pin_and_is_set_back(store, plan_of, pin, model):
    register(store, plan_of("two"))
    store.set_alias(model, "champion", 2)
    assert pin_current_champion(store, model, "champion") == pin
    assert store.alias(model, "champion") == 1


def test_the_registry_confirms_every_pin_it_ever_made(store, plan_of, pin, model):
    promote_version(store, plan_of("two"))
    second = pin_current_champion(store, model, "champion")
    rollback(store, model, "champion", "ada", "worse")
    third = pin_current_champion(store, model, "champion")
    assert (second.version, third.version, third.ledger_entry) == (2, 1, 3)
    for made in (pin, second, third):
        verify_against_registry(store, made)


@pytest.mark.parametrize(
    ("fact", "value"),
    [
        ("files", ()),
        ("weights_digest", "sha256:0"),
        ("weights_location", "file:///tmp/evil"),
        ("candidate", "fp8"),
        ("decision_digest", "sha256:0"),
        ("lineage", {}),
        ("ledger_entry", 7),
    ],
)
def test_the_registry_denies_an_edited_pin(store, pin, fact, value):
    named = "version of ledger entry 7" if fact == "ledger_entry" else fact
    with pytest.raises(PinError, match=f"{named}.*: expected .* as the registry says") as denied:
        verify_against_registry(store, changed(pin, **{fact: value}))
    assert str(denied.value).endswith("Make the pin again with `pawl pin`.")


def test_the_registry_denies_a_pin_of_a_version_never_promoted(store, plan_of, pin):
    register(store, plan_of("two"))
    with pytest.raises(
        PinError, match="version of ledger entry 1: expected 1 as the registry says"
    ):
        verify_against_registry(store, changed(pin, version=2))
    with pytest.raises(RegistryError, match=r"not found. Look at `pawl status`"):
        verify_against_registry(store, changed(pin, version=3))


@pytest.mark.parametrize("name", ["decision_digest", "weights_digest", "candidate", "lifecycle"])
def test_the_registry_denies_a_pin_whose_version_was_tampered_with(store, pin, model, name):
    from mlflow import MlflowClient

    client = MlflowClient(store.tracking_uri, registry_uri=store.tracking_uri)
    client.set_model_version_tag(model, "1", TAG_PREFIX + name, "sha256:0")
    with pytest.raises((PinError, RegistryError), match="sha256:0"):
        verify_against_registry(store, pin)


def test_a_champion_whose_decision_was_tampered_with_is_not_pinned(store, pin, model):
    from mlflow import MlflowClient

    record = store.version(model, 1)
    client = MlflowClient(store.tracking_uri, registry_uri=store.tracking_uri)
    client.log_text(
        record.run_id, '{"outcome": "promote", "promoted": "awq"}', "pawl/decision.json"
    )
    for attempt in (
        lambda: pin_current_champion(store, model, "champion"),
        lambda: verify_against_registry(store, pin),
    ):
        with pytest.raises(RegistryError, match=r"expected digest .* Do not use this version"):
            attempt()
