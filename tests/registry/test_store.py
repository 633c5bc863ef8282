import pytest

from configs.errors import RegistryError
from registry.records import LEDGER_SUFFIX
from registry.store import ModelStore


@pytest.fixture
def run_id(contract_store, model):
    contract_store.create_model(model)
    return contract_store.start_run(model, {})


def test_versions_are_numbered_from_one_and_listed_in_order(contract_store, model, run_id):
    made = [
        contract_store.create_version(model, f"runs:/{run_id}/x", {"n": str(n)}, run_id=run_id)
        for n in range(3)
    ]
    assert [record.version for record in made] == [1, 2, 3]
    assert contract_store.versions(model) == made
    assert contract_store.version(model, 2) == made[1]
    assert (made[1].tags, made[1].run_id) == ({"n": "1"}, run_id)
    assert made[1].source == f"runs:/{run_id}/x"


def test_all_versions_are_found_however_many_pages_they_fill(
    contract_store, model, run_id, monkeypatch
):
    """Even when one of them changes while the pages are turned."""
    from mlflow import MlflowClient

    for _ in range(5):
        contract_store.create_version(model, f"runs:/{run_id}/x", {}, run_id=run_id)
    uri = contract_store.tracking_uri
    client, pages = MlflowClient(uri, registry_uri=uri), []
    search = contract_store._client.search_model_versions

    def search_while_others_write(*arguments, **options):
        pages.append(search(*arguments, **options))
        client.update_model_version(model, "1", f"edited {len(pages)}")
        return pages[-1]

    monkeypatch.setattr("registry.store.PAGE_SIZE", 2)
    monkeypatch.setattr(contract_store._client, "search_model_versions", search_while_others_write)
    assert [record.version for record in contract_store.versions(model)] == [1, 2, 3, 4, 5]
    assert len(pages) == 3


def test_ledgers_are_not_listed_as_models(contract_store, model):
    contract_store.create_model(model)
    contract_store.create_model(model)
    contract_store.create_model(f"{model}.champion{LEDGER_SUFFIX}")
    assert [name for name in contract_store.models() if name.startswith(model)] == [model]


def test_aliases_are_set_read_and_deleted(contract_store, model, run_id):
    contract_store.create_version(model, f"runs:/{run_id}/x", {}, run_id=run_id)
    assert contract_store.alias(model, "champion") is None
    contract_store.set_alias(model, "champion", 1)
    assert contract_store.alias(model, "champion") == 1
    contract_store.delete_alias(model, "champion")
    assert contract_store.alias(model, "champion") is None
    assert contract_store.alias("no-such-model", "champion") is None


def test_attachments_come_back_as_the_same_bytes(contract_store, run_id, tmp_path):
    (tmp_path / "plot.png").write_bytes(bytes(range(256)))
    contract_store.attach(run_id, [tmp_path / "plot.png"])
    assert contract_store.read_attachment(run_id, "plot.png") == bytes(range(256))


@pytest.mark.parametrize(
    "ask",
    [
        lambda store, model: store.version(model, 9),
        lambda store, model: store.version("no-such-model", 1),
        lambda store, model: store.set_alias(model, "champion", 9),
        lambda store, model: store.weights_directory(f"models:/{model}/9"),
        lambda store, model: store.read_attachment(store.start_run(model, {}), "none.json"),
        lambda store, model: store.read_attachment("0" * 32, "none.json"),
    ],
    ids=["version", "model", "alias", "weights", "attachment", "run"],
)
def test_what_does_not_exist_is_said_so(contract_store, model, ask):
    contract_store.create_model(model)
    with pytest.raises(RegistryError) as missing:
        ask(contract_store, model)
    assert "unreachable" not in str(missing.value)
    assert str(missing.value).endswith("Look at `pawl status` for what there is.")
    assert len(str(missing.value)) < 600


@pytest.mark.parametrize(
    "source",
    [
        "models:/notes",
        "models:/notes@champion",
        "models:/notes/champion",
        "models:/",
        "models://1",
        "",
    ],
)
def test_a_source_without_version_number_is_refused(store, source):
    with pytest.raises(RegistryError) as malformed:
        store.weights_directory(source)
    assert str(malformed.value) == (
        f"{source}: expected models:/name/version with a version number. "
        "A version is fixed; an alias may move."
    )


def test_the_directory_of_a_registered_version_is_found_by_its_source(store, model):
    store.create_model(model)
    tags = {"weights_location": "file:///models/a%20b"}
    store.create_version(model, f"runs:/{store.start_run('r', {})}/x", tags)
    assert str(store.weights_directory(f"models:/{model}/1")) == "/models/a b"


def test_mlflow_gone_in_between_is_reported_without_password(store, model):
    gone = ModelStore("http://ada:s3cr3t@127.0.0.1:9")
    from mlflow import MlflowClient

    gone.__dict__["_client"] = MlflowClient(gone.tracking_uri, registry_uri=gone.tracking_uri)
    with pytest.raises(RegistryError, match="unreachable while listing versions") as unreachable:
        gone.versions(model)
    import traceback

    assert "s3cr3t" not in "".join(traceback.format_exception(unreachable.value))
