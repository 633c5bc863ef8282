import pytest

from configs.canonical_json import digest_json
from configs.errors import RegistryError
from registry.dependents import champions, dependents, origin_of
from registry.promotion import promote_version, record_challenger


@pytest.fixture
def promoted(store, plan_of):
    """Make a champion of a model from a base source."""

    def make(model, base, lifecycle="notes", alias="champion", weights=None, **more):
        weights = weights or f"weights of {model} from {base.replace('/', '_')}"
        plan = plan_of(weights, model=model, alias=alias)
        recipe = {"name": lifecycle, "registry": {"model_name": model, "alias": alias}}
        lineage = plan.lineage | {
            "base_source": base, "lifecycle": lifecycle, "config_digest": digest_json(recipe),
        }  # fmt: skip
        plan = plan.model_copy(update={"lineage": lineage, "recipe": recipe, **more})
        return (promote_version if not more else record_challenger)(store, plan)

    return make


def named(found):
    return [(one.model, one.alias, one.record.version) for one in found]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hf://org/name@main", "hf://Org/Name@0123456789012345678901234567890123456789"),
        ("models:/notes/1", "models:/notes/12"),
        ("models:/notes@champion", "models:/notes/12"),
        ("models:/notes", "models:/notes/12"),
        ("file://weights", "file://./weights/"),
        ("s3://bucket/base", "s3://bucket/base/"),
        ("pawl://tiny-clinical", "pawl://tiny-clinical"),
    ],
)
def test_revisions_of_one_thing_have_one_origin(one, other):
    assert origin_of(one) == origin_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("hf://org/name@main", "hf://org/name-2@main"),
        ("models:/notes/1", "models:/notes-2/1"),
        ("file://weights", "file://weights/2"),
        ("s3://bucket/base", "gs://bucket/base"),
        ("hf://org/name@main", "file://org/name"),
    ],
)
def test_different_things_have_different_origins(one, other):
    assert origin_of(one) != origin_of(other)


def test_champions_made_from_any_revision_of_what_is_followed_depend_on_it(store, promoted):
    promoted("notes", "hf://org/base@1")
    promoted("letters", "hf://org/base@2")
    promoted("triage", "hf://org/other@1")
    assert named(dependents(store, "hf://org/base@main")) == [
        ("letters", "champion", 1), ("notes", "champion", 1),
    ]  # fmt: skip
    assert named(dependents(store, "hf://org/base@main", model="notes")) == [
        ("notes", "champion", 1)
    ]
    assert dependents(store, "hf://org/none@main") == []


def test_it_is_the_present_champion_that_counts(store, promoted):
    promoted("notes", "hf://org/base@1")
    promoted("notes", "hf://org/other@1")
    assert dependents(store, "hf://org/base@main") == []
    [found] = champions(store)
    assert (found.record.version, found.recipe["name"]) == (2, "notes")


def test_a_model_that_never_had_a_champion_depends_on_nothing(store, plan_of):
    record_challenger(store, plan_of("one", outcome="reject", promoted=None))
    assert champions(store) == []


def test_every_alias_of_a_model_is_found(store, promoted):
    promoted("notes", "hf://org/base@1", lifecycle="notes")
    promoted("notes", "hf://org/base@2", lifecycle="notes-canary", alias="canary")
    assert sorted(named(champions(store, "notes"))) == [
        ("notes", "canary", 2), ("notes", "champion", 1),
    ]  # fmt: skip


def test_a_champion_whose_version_was_deleted_is_named_with_what_to_do(store, promoted):
    promoted("notes", "hf://org/base@1")
    promoted("notes", "hf://org/base@2")
    store._client.delete_model_version("notes", "2")
    with pytest.raises(
        RegistryError, match=r"expected version 2 as the ledger says.*pawl rollback notes"
    ):
        champions(store)
