import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest

from configs.errors import PinError
from registry.digests import digest_directory
from registry.pins import pin_current_champion, verify_pin
from registry.promotion import promote_version, register
from registry.weight_store import keep_weights


@pytest.fixture
def weights(tmp_path):
    directory = tmp_path / "cache" / "model"
    (directory / "nested").mkdir(parents=True)
    (directory / "model.safetensors").write_bytes(b"weights")
    (directory / "nested" / ".config.json").write_bytes(b"{}")
    return directory


def test_weights_are_kept_under_their_digest(weights, tmp_path):
    directory, manifest = keep_weights(weights, tmp_path / "kept")
    assert manifest == digest_directory(weights) == digest_directory(directory)
    assert manifest.digest.startswith(f"sha256:{directory.name}")
    assert list((tmp_path / "kept").iterdir()) == [directory]


def test_the_same_bytes_are_kept_once(weights, tmp_path):
    twin = shutil.copytree(weights, tmp_path / "twin")
    assert keep_weights(weights, tmp_path / "kept") == keep_weights(twin, tmp_path / "kept")


def test_kept_weights_outlive_the_cache(weights, tmp_path):
    directory, manifest = keep_weights(weights, tmp_path / "kept")
    shutil.rmtree(weights)
    assert digest_directory(directory) == manifest


def test_a_linked_file_is_kept_as_its_bytes(weights, tmp_path):
    blob = tmp_path / "blob"
    (weights / "model.safetensors").rename(blob)
    (weights / "model.safetensors").symlink_to(blob)
    directory, _ = keep_weights(weights, tmp_path / "kept")
    blob.unlink()
    assert (directory / "model.safetensors").read_bytes() == b"weights"
    assert not (directory / "model.safetensors").is_symlink()


def test_weights_are_copied_where_links_cannot_be_made(weights, tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError("another file system")

    monkeypatch.setattr("os.link", refuse)
    directory, manifest = keep_weights(weights, tmp_path / "kept")
    assert digest_directory(directory) == manifest
    assert (directory / "model.safetensors").stat().st_nlink == 1


def test_several_who_keep_the_same_weights_at_once_all_succeed(weights, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        kept = list(pool.map(lambda _: keep_weights(weights, tmp_path / "kept"), range(16)))
    assert len({directory for directory, _ in kept}) == 1
    assert [path.name for path in (tmp_path / "kept").iterdir()] == [kept[0][0].name]


def test_no_files_are_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(PinError, match=r"expected a model's files, found none. Make them again"):
        keep_weights(tmp_path / "empty", tmp_path / "kept")
    with pytest.raises(PinError, match="expected a directory, found none"):
        keep_weights(tmp_path / "missing", tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_nothing_is_left_when_the_disk_fails_half_way(weights, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr("os.link", fail)
    monkeypatch.setattr("shutil.copyfile", fail)
    with pytest.raises(PinError, match=r"No space left on device.*Make room"):
        keep_weights(weights, tmp_path / "kept")
    assert list((tmp_path / "kept").iterdir()) == []


def test_kept_weights_that_someone_changed_are_refused(weights, tmp_path):
    directory, _ = keep_weights(weights, tmp_path / "kept")
    (directory / "model.safetensors").unlink()
    (directory / "model.safetensors").write_bytes(b"Weights")
    with pytest.raises(PinError) as refused:
        keep_weights(weights, tmp_path / "kept")
    assert str(refused.value).startswith(
        f"{directory}: expected the bytes kept under this digest, got: model.safetensors: expected"
    )


def test_a_registration_of_changed_kept_weights_is_refused(store, plan_of, tmp_path):
    kept = register(store, plan_of()).weights_directory
    (kept / "more").write_text("x")
    with pytest.raises(PinError, match="Someone changed these files"):
        promote_version(store, plan_of())


def test_a_cache_file_changed_in_place_does_not_go_unnoticed(store, plan_of, model):
    """The cache and the kept weights share bytes on disk, so the change reaches both."""
    plan = plan_of()
    promote_version(store, plan)
    pin = pin_current_champion(store, model, "champion")
    cached = plan.weights_directory / "model.safetensors"
    with cached.open("r+b") as file:
        file.write(b"X")
    with pytest.raises(PinError, match=r"model.safetensors: expected sha256"):
        verify_pin(pin)


def test_a_cache_file_replaced_leaves_the_kept_weights_alone(store, plan_of, model, tmp_path):
    plan = plan_of()
    promote_version(store, plan)
    (tmp_path / "new").write_text("new weights")
    (tmp_path / "new").replace(plan.weights_directory / "model.safetensors")
    assert verify_pin(pin_current_champion(store, model, "champion")).files == 2
