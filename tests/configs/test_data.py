import pytest
from pydantic import TypeAdapter, ValidationError

from configs.data import Data
from configs.load import load_lifecycle, load_task
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml

DATA = TypeAdapter(Data)
COMMIT = "a90c680b08464e731635eb2d2f2c49be6ad5e3e5"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"dataset": "org/name"}, "revision: expected a commit of the dataset, got none"),
        (
            {"dataset": "file://there", "revision": COMMIT},
            "revision: expected none for a directory",
        ),
        ({"dataset": "https://x"}, "string_pattern_mismatch"),
        ({"dataset": "file://there", "columns": {"text": ""}}, "an empty one for \\['text'\\]"),
    ],
)
def test_a_dataset_that_is_not_said_for_certain_is_refused(settings, message):
    with pytest.raises(ValidationError, match=message):
        DATA.validate_python({"kind": "hub", **settings})


def test_a_dataset_is_a_name_with_a_commit_or_a_directory():
    named = DATA.validate_python({"kind": "hub", "dataset": "org/name", "revision": COMMIT})
    assert named.directory is None
    local = DATA.validate_python({"kind": "hub", "dataset": "file://sets/phee"})
    assert local.directory == "sets/phee"


def test_both_ways_to_ask_for_synthetic_notes_mean_the_same_generator():
    kinds = {"kind": "synthetic-notes"}, {"kind": "synthetic", "generator": "clinical-notes"}
    assert [DATA.validate_python(kind).generator for kind in kinds] == ["clinical-notes"] * 2


def test_an_unknown_generator_is_refused():
    with pytest.raises(ValidationError, match="'message-triage'"):
        DATA.validate_python({"kind": "synthetic", "generator": "poems"})


@pytest.mark.parametrize("path", sorted((SHIPPED / "tasks").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_shipped_task_names_data(path):
    assert load_task(path.stem).data is not None


def test_a_lifecycle_without_data_has_that_of_its_task(tmp_path):
    import yaml

    content = read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | {
        "task": "message-triage", "gate": "no-worse-than-baseline",
    }  # fmt: skip
    del content["data"]
    path = tmp_path / "lifecycle.yaml"
    path.write_text(yaml.safe_dump(content))
    assert load_lifecycle(str(path)).data == load_task("message-triage").data
