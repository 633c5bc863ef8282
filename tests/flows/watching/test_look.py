import pytest

from configs.errors import RegistryError
from configs.followed_weights import FollowedSource
from finetune.releases.source_errors import GoneError
from flows.steps.resolve import fetch
from flows.watching import look as looking
from flows.watching.look import look_at
from registry.digests import digest_directory
from registry.releases import latest_release, note_release, releases_in_effect
from registry.store import ModelStore
from tests.servers.hub import fake_hub
from tests.small_checkpoint import checkpoint


@pytest.fixture
def announced(monkeypatch):
    """The releases that were announced, instead of events."""
    announced = []
    monkeypatch.setattr(looking, "announce_release", announced.append)
    return announced


def test_what_was_there_at_the_first_look_is_known_and_what_comes_then_is_released(
    store, released, announced
):
    states = [look_at(store, released.followed).state for _ in range(2)]
    released.publish("second")
    states += [look_at(store, released.followed).state for _ in range(2)]
    assert states == ["known", "unchanged", "released", "unchanged"]
    assert [one.previous for one in announced] == [releases_in_effect(store)[0].digest]


def test_the_digest_is_that_of_the_files_which_re_evaluation_resolves(store, released, announced):
    found = look_at(store, released.followed)
    assert found.digest == digest_directory(fetch(released.followed.source)).digest


def test_the_first_revision_is_announced_where_that_is_asked_for(store, released, announced):
    asked = released.followed.model_copy(update={"announce_first": True})
    assert look_at(store, asked).state == "released"
    assert announced == releases_in_effect(store)


def test_weights_that_come_back_are_released_again(store, released, announced):
    for text in ("first", "second", "first"):
        released.publish(text)
        look_at(store, released.followed)
    assert [one.announce for one in releases_in_effect(store)] == [False, True, True]
    assert len({one.release_id for one in announced}) == 2
    assert len({one.digest for one in releases_in_effect(store)}) == 2


def test_an_upload_is_waited_for_and_then_released_once(store, released, announced):
    look_at(store, released.followed)
    whole = checkpoint("second")["model.safetensors"]
    (released.directory / "model.safetensors").write_bytes(whole[:-1])
    found = look_at(store, released.followed)
    assert found.state == "still uploading" and found.text.startswith(
        "Model.safetensors is cut off"
    )
    assert found.since_ms == releases_in_effect(store)[0].released_ms
    (released.directory / "model.safetensors").write_bytes(whole)
    assert look_at(store, released.followed).state == "released"
    assert len(announced) == 1


def test_a_look_that_began_before_another_watchers_release_announces_nothing(
    store, released, announced, monkeypatch
):
    look_at(store, released.followed)
    released.publish("second")
    observe = looking._observe

    def overtaken(followed):
        found = observe(followed)
        seen = latest_release(store, followed.source)
        note_release(store, followed.source, followed.source, "sha256:" + "c" * 64, seen, True)
        return found

    monkeypatch.setattr(looking, "_observe", overtaken)
    assert look_at(store, released.followed).state == "noted by another"
    assert not announced and len(releases_in_effect(store)) == 2


def test_nothing_is_announced_that_could_not_be_noted(released, announced, store, tmp_path):
    look_at(store, released.followed)
    released.publish("second")
    away = ModelStore("http://127.0.0.1:9")
    with pytest.raises(RegistryError, match="unreachable"):
        look_at(away, released.followed)
    assert not announced


def test_another_commit_with_the_same_weights_is_no_release(store, announced, monkeypatch):
    from huggingface_hub import constants

    followed = FollowedSource(source="hf://org/name@main")
    with fake_hub() as hub:
        monkeypatch.setattr(constants, "ENDPOINT", hub.url)
        monkeypatch.setattr(
            constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.url + "/{repo_id}/resolve/{revision}/{filename}",
        )
        hub.push("org/name", checkpoint())
        look_at(store, followed)
        commit = hub.push("org/name", checkpoint() | {"README.md": b"better words"})
        found = look_at(store, followed)
        assert (found.state, found.source) == ("unchanged", f"hf://org/name@{commit}")
        assert found.text == "Another revision, with the same files of weights."
        commit = hub.push("org/name", checkpoint("better weights"))
        assert look_at(store, followed).source == f"hf://org/name@{commit}"
    assert [one.source for one in announced] == [f"hf://org/name@{commit}"]


def register(store, digest):
    run_id = store.start_run("r", {})
    tags = {"weights_digest": digest} if digest else {}
    store.create_model("base")
    return store.create_version("base", f"runs:/{run_id}/pawl", tags, run_id=run_id).version


def test_a_registered_model_is_followed_by_its_newest_version_or_an_alias(store, announced):
    newest, aliased = (
        FollowedSource(source="models:/base"),
        FollowedSource(source="models:/base@good"),
    )
    digests = [f"sha256:{letter * 64}" for letter in "ab"]
    first = register(store, digests[0])
    store.set_alias("base", "good", first)
    assert (
        look_at(store, newest).source == look_at(store, aliased).source == f"models:/base/{first}"
    )
    second = register(store, digests[1])
    register(store, None)  # not Pawl's
    assert look_at(store, newest).source == f"models:/base/{second}"
    assert look_at(store, aliased).state == "unchanged"
    store.set_alias("base", "good", second)
    assert look_at(store, aliased).state == "released"
    assert [one.digest for one in announced] == [digests[1]] * 2


@pytest.mark.parametrize("source", ["models:/none", "models:/none@champion"])
def test_a_model_that_is_not_there_is_gone(store, source):
    with pytest.raises(GoneError):
        look_at(store, FollowedSource(source=source))


def test_what_is_remembered_may_be_lost_or_damaged(store, released, announced, tmp_path):
    look_at(store, released.followed)
    [memory] = (tmp_path / "home" / "watch").iterdir()
    for damage in (b"{", b"[]", b'{"files": [1]}', b"\xff"):
        memory.write_bytes(damage)
        assert look_at(store, released.followed).state == "unchanged"
    memory.unlink()
    assert look_at(store, released.followed).state == "unchanged"


def test_a_full_disk_keeps_no_release_from_being_noted(
    store, released, announced, monkeypatch, caplog
):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(looking, "remember", full)
    look_at(store, released.followed)
    released.publish("second")
    assert look_at(store, released.followed).state == "released"
    assert "is not remembered: [Errno 28] No space left on device" in caplog.text
