import json
import shutil

import pytest

from configs.errors import EngineError
from evals.engines.completion import Decoding
from evals.engines.identity import UNKNOWN, answer_key, local_identity
from evals.engines.local import LocalEngine
from evals.engines.recorded import RecordedEngine

FREE = Decoding(max_new_tokens=16)
FILES = {
    "model.safetensors": "weights", "config.json": "{}", "tokenizer.json": "{}",
    "tokenizer_config.json": "{}", "chat_template.jinja": "{{ messages }}",
}  # fmt: skip


def checkpoint(directory, **changed):
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in (FILES | changed).items():
        (directory / name).write_text(content)
    return directory


def key(directory, adapter=None, dtype="float32", decoding=FREE, prompt="sha256:p"):
    return answer_key(local_identity(directory, adapter, dtype, decoding), prompt)


def test_the_same_bytes_elsewhere_have_the_same_key(tmp_path):
    assert key(checkpoint(tmp_path / "a")) == key(checkpoint(tmp_path / "b"))


@pytest.mark.parametrize("name", FILES)
def test_a_change_of_any_file_changes_the_key(tmp_path, name):
    changed = checkpoint(tmp_path / "b", **{name: FILES[name] + " "})
    assert key(changed) != key(checkpoint(tmp_path / "a"))


def test_a_file_of_another_kind_does_not_count(tmp_path):
    directory = checkpoint(tmp_path)
    before = key(directory)
    (directory / "README.md").write_text("words")
    assert key(directory) == before


def test_adapter_precision_decoding_and_prompt_change_the_key(tmp_path):
    directory = checkpoint(tmp_path / "model")
    adapters = [tmp_path / "one", tmp_path / "two"]
    for adapter in adapters:
        adapter.mkdir()
        (adapter / "adapter_config.json").write_text("{}")
        (adapter / "adapter_model.safetensors").write_text(adapter.name)
    schema = {"type": "object", "properties": {"a": {}, "b": {}}}
    turned = {"type": "object", "properties": {"b": {}, "a": {}}}
    keys = {
        key(directory),
        key(directory, adapters[0]),
        key(directory, adapters[1]),
        key(directory, dtype="bfloat16"),
        key(directory, decoding=Decoding(max_new_tokens=17)),
        key(directory, decoding=Decoding(max_new_tokens=16, stop=("x",))),
        key(directory, decoding=Decoding(max_new_tokens=16, json_schema=schema)),
        key(directory, decoding=Decoding(max_new_tokens=16, json_schema=turned)),
        key(directory, prompt="sha256:q"),
    }
    assert len(keys) == 9


def test_every_field_changes_the_digest(tmp_path):
    identity = local_identity(checkpoint(tmp_path), None, "float32", FREE)
    changes = {
        "kind": "endpoint", "model": "m", "tokenizer": "t", "engine": "e", "precision": "p",
        "decoding": Decoding(max_new_tokens=1),
    }  # fmt: skip
    assert set(changes) == set(type(identity).model_fields)
    digests = {identity.model_copy(update={name: value}).digest for name, value in changes.items()}
    assert len(digests | {identity.digest}) == len(changes) + 1


def test_it_survives_being_stored(tmp_path):
    identity = local_identity(checkpoint(tmp_path), None, "float32", FREE)
    again = type(identity).model_validate_json(identity.model_dump_json())
    assert again.digest == identity.digest


def test_a_local_engine_names_the_versions_it_computes_with(tmp_path):
    import torch
    import transformers

    engine = LocalEngine(checkpoint(tmp_path), "m", 4, "float32")
    identity = engine.identity(FREE)
    assert identity.engine == f"transformers {transformers.__version__}, torch {torch.__version__}"
    longer = Decoding(max_new_tokens=32)
    assert engine.identity(longer).decoding == longer
    assert engine.identity(longer).digest != identity.digest


def test_no_weights_are_an_error(tmp_path):
    with pytest.raises(EngineError, match="found none"):
        local_identity(tmp_path, None, "float32", FREE)


def test_a_recording_is_its_bytes(tmp_path):
    path = tmp_path / "r.jsonl"
    path.write_text(json.dumps({"id": "r1", "prompt_digest": "d", "output": "a"}))
    before = RecordedEngine(path, "big").identity(FREE)
    copied = shutil.copy(path, tmp_path / "copy.jsonl")
    assert RecordedEngine(tmp_path / "copy.jsonl", "big").identity(FREE).engine == before.engine
    assert copied.exists()
    path.write_text(path.read_text() + "\n")
    after = RecordedEngine(path, "big").identity(FREE)
    assert before.tokenizer == UNKNOWN
    assert (
        len({before.digest, after.digest, RecordedEngine(path, "other").identity(FREE).digest}) == 3
    )
    with pytest.raises(EngineError, match="expected a file to read"):
        RecordedEngine(tmp_path / "none", "big").identity(FREE)
