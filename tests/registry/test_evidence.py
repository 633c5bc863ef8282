import pytest

from configs.errors import PinError, RegistryError
from registry.evidence import MANIFEST_FILE, RECIPE_FILE, read_manifest, read_recipe
from registry.promotion import register


@pytest.fixture
def record(store, plan_of):
    return register(store, plan_of())


@pytest.fixture
def replace_manifest(store, record, tmp_path):
    def replace(content):
        (tmp_path / MANIFEST_FILE).write_text(content)
        store.attach(record.run_id, [tmp_path / MANIFEST_FILE])

    return replace


def test_the_attached_manifest_lists_the_registered_files(store, record):
    manifest = read_manifest(store, record)
    assert manifest.digest == record.weights_digest
    assert [file.path for file in manifest.files] == ["config.json", "model.safetensors"]


def test_a_manifest_that_lists_other_files_is_refused(store, record, replace_manifest):
    fewer = read_manifest(store, record).model_copy(update={"files": ()})
    replace_manifest(fewer.model_dump_json())
    with pytest.raises(PinError) as refused:
        read_manifest(store, record)
    assert str(refused.value) == (
        f"{record.model} version 1: manifest.json: expected digest {record.weights_digest}, "
        f"got {fewer.digest}. Do not serve this version."
    )


@pytest.mark.parametrize("content", ["", "[]", '{"files": [{"path": "a"}]}'])
def test_what_is_no_manifest_is_refused(store, record, replace_manifest, content):
    replace_manifest(content)
    with pytest.raises(
        PinError, match=r"expected a manifest, got: (?s:.*) Do not serve this version"
    ):
        read_manifest(store, record)


def test_the_recipe_comes_back_as_it_was_registered(store, record, plan_of):
    assert read_recipe(store, record) == plan_of().recipe


def test_a_changed_recipe_is_refused(store, record, tmp_path):
    (tmp_path / RECIPE_FILE).write_text('{"name": "another"}')
    store.attach(record.run_id, [tmp_path / RECIPE_FILE])
    with pytest.raises(
        RegistryError, match=r"recipe\.json: expected digest sha256:\w+, got sha256"
    ):
        read_recipe(store, record)


def test_a_recipe_of_another_digest_than_the_lineage_names_is_not_registered(store, plan_of):
    with pytest.raises(RegistryError, match="recipe of"):
        register(store, plan_of(recipe={"name": "another"}))
