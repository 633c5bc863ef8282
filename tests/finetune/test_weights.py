import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from configs.errors import WeightsError
from finetune import weights
from finetune.weights import locate_weights, refuse_unsafe_weights


def refusal(call, *arguments, **named):
    with pytest.raises(WeightsError) as raised:
        call(*arguments, **named)
    return str(raised.value)


def test_file_names_a_directory(tmp_path):
    assert locate_weights(f"file://{tmp_path}", tmp_path / "cache") == tmp_path


def test_a_file_source_may_be_relative_to_where_pawl_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    assert locate_weights("file://model", tmp_path).samefile(tmp_path / "model")


def test_a_missing_directory_is_named(tmp_path):
    message = refusal(locate_weights, f"file://{tmp_path}/none", tmp_path)
    assert message.endswith(f"expected a directory, found none at {tmp_path}/none. Check the path.")


def test_pawl_names_a_model_that_ships_with_pawl(tmp_path, monkeypatch):
    (tmp_path / "tiny").mkdir()
    monkeypatch.setattr(weights, "SHIPPED_MODELS", tmp_path)
    assert locate_weights("pawl://tiny", tmp_path) == tmp_path / "tiny"
    assert "pawl://huge: expected a directory" in refusal(locate_weights, "pawl://huge", tmp_path)


def test_models_are_asked_of_the_registry(tmp_path):
    asked = []

    def resolver(source):
        asked.append(source)
        return tmp_path

    assert locate_weights("models:/clinical/3", tmp_path, resolver) == tmp_path
    assert asked == ["models:/clinical/3"]


def test_models_without_a_registry_are_refused(tmp_path):
    message = refusal(locate_weights, "models:/clinical/3", tmp_path)
    assert message == (
        "models:/clinical/3: no model registry is known here. Set MLFLOW_TRACKING_URI."
    )


@pytest.mark.parametrize("source", ["ftp://bucket/model", "pypi://other", "just-a-name", ""])
def test_an_unknown_scheme_is_refused_with_the_known_ones(tmp_path, source):
    message = refusal(locate_weights, source, tmp_path)
    assert message.startswith(
        f"{source}: expected hf://, file://, s3://, gs://, pawl://, pypi://llm-"
    )


@pytest.mark.parametrize("source", ["hf://org/name", "hf://org/name@"])
def test_a_hub_model_without_a_revision_is_refused(tmp_path, source):
    message = refusal(locate_weights, source, tmp_path)
    assert message.startswith(f"{source}: expected hf://org/name@revision, got no revision. Name a")


@pytest.mark.parametrize("name", ["not a repository", "org/name/more"])
def test_what_cannot_be_a_hub_repository_is_refused(tmp_path, name):
    message = refusal(locate_weights, f"hf://{name}@main", tmp_path)
    assert message.startswith(f"hf://{name}@main: expected a download, got: HFValidationError")


def test_a_hub_that_cannot_be_reached_is_reported_soon(tmp_path):
    with socket.socket() as closed:  # bound but not listening: every connection is refused
        closed.bind(("127.0.0.1", 0))
        code = (
            "import sys; from pathlib import Path; from configs.errors import WeightsError\n"
            "from finetune.weights import locate_weights\n"
            "try: locate_weights('hf://org/name@main', Path(sys.argv[1]))\n"
            "except WeightsError as error: print(error)"
        )
        environment = os.environ | {
            "HF_ENDPOINT": f"http://127.0.0.1:{closed.getsockname()[1]}",
            "HF_HUB_OFFLINE": "0",
            "PYTHONPATH": str(Path(weights.__file__).parents[1]),
        }
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path)],
            env=environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("hf://org/name@main: expected a download, got: ")
    assert "Connection refused" in done.stdout
    assert done.stdout.rstrip().endswith("or copy the files and use file://.")
    assert "Traceback" not in done.stderr


@pytest.fixture
def good(save_base, tmp_path):
    return save_base(tmp_path / "model")


def test_a_whole_safetensors_checkpoint_is_accepted(good):
    assert refuse_unsafe_weights(good) is None


@pytest.mark.parametrize(
    "name", ["pytorch_model.bin", "model.pt", "state.pkl", "MODEL.PTH", "deep/er/model.ckpt"]
)
def test_a_format_that_can_run_code_is_refused(good, name):
    (good / name).parent.mkdir(parents=True, exist_ok=True)
    (good / name).write_bytes(b"")
    message = refusal(refuse_unsafe_weights, good)
    assert message.startswith(f"{good / name}: expected weights in safetensors, got a format that")


def test_python_code_beside_weights_is_refused(good):
    (good / "modeling_custom.py").write_text("")
    message = refusal(refuse_unsafe_weights, good)
    assert message.startswith(f"{good}/modeling_custom.py: expected no code beside weights")


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "generation_config.json"])
def test_a_request_to_run_the_repositorys_code_is_refused(good, name):
    content = json.loads((good / name).read_text())
    (good / name).write_text(json.dumps(content | {"auto_map": {"AutoModel": "custom.Model"}}))
    message = refusal(refuse_unsafe_weights, good)
    assert message.startswith(f"{good / name}: auto_map: expected a built-in architecture")


def test_a_missing_config_is_refused(good):
    (good / "config.json").unlink()
    assert f"{good}: expected config.json, found none" in refusal(refuse_unsafe_weights, good)


def test_a_config_that_is_no_json_is_refused(good):
    (good / "config.json").write_text("{")
    message = refusal(refuse_unsafe_weights, good)
    assert message.startswith(f"{good}/config.json: expected JSON, got: ")


def test_a_checkpoint_without_safetensors_is_refused(good):
    (good / "model.safetensors").unlink()
    assert f"{good}: expected *.safetensors, found none" in refusal(refuse_unsafe_weights, good)


def test_a_shard_that_the_index_names_and_is_missing_is_refused(good):
    shards = {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}
    (good / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    message = refusal(refuse_unsafe_weights, good)
    assert message.startswith(f"{good}/model-00002-of-00002.safetensors: expected a shard that the")
    (good / "model-00002-of-00002.safetensors").write_bytes(b"")
    refuse_unsafe_weights(good)


def test_an_index_of_another_form_is_refused(good):
    (good / "model.safetensors.index.json").write_text('{"weight_map": ["model.safetensors"]}')
    assert "weight_map: expected an object, got list" in refusal(refuse_unsafe_weights, good)
