import os
import shutil

import pytest

from finetune.releases.files import MOVED, observe_files
from finetune.releases.observation import Revision, StillUploading
from finetune.releases.source_errors import GoneError, SourceError
from finetune.releases.stored_files import DirectoryFiles
from registry.digests import digest_directory
from tests.small_checkpoint import checkpoint, safetensors_bytes, write_checkpoint


@pytest.fixture
def released(tmp_path):
    return write_checkpoint(tmp_path / "base", checkpoint(shards=2))


def no_wait(seconds):
    """A clock that is not looked at: nothing changes meanwhile."""


def observe(directory, earlier=None, sleep=no_wait, quiet_s=10):
    return observe_files(DirectoryFiles(f"file://{directory}"), quiet_s, earlier, sleep)


def triples(directory):
    return {(f.path, f.bytes, f.sha256) for f in digest_directory(directory).files}


def test_a_directory_has_the_files_that_resolving_it_digests(released):
    (released / ".hidden").write_text("counts too")
    (released / "__pycache__").mkdir()
    (released / "__pycache__" / "x.pyc").write_text("does not")
    (released / "sub").mkdir()
    (released / "sub" / "link.json").symlink_to(released / "config.json")
    found = observe(released)
    assert isinstance(found, Revision) and found.source == f"file://{released}"
    assert {(f.path, f.bytes, f.sha256) for f in found.files} == triples(released)


def test_an_unchanged_directory_is_not_read_again(released, monkeypatch):
    first = observe(released)
    monkeypatch.setattr(DirectoryFiles, "sha256", lambda *a: pytest.fail("read again"))
    monkeypatch.setattr(DirectoryFiles, "read", lambda *a: pytest.fail("read again"))
    assert observe(released, first, sleep=lambda s: pytest.fail("waited")) is first


def test_a_file_of_the_same_size_and_time_is_read_again(released):
    first = observe(released)
    path = released / "model-00001-of-00002.safetensors"
    before = path.stat()
    path.write_bytes(safetensors_bytes(b"WEIGHTS model-00001-of-00002.safetensors"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    second = observe(released, first)
    assert second.identity != first.identity and second.files != first.files


def test_what_moved_a_file_in_meanwhile_counts_as_uploading(released):
    def upload(seconds):
        assert seconds == pytest.approx(10, abs=9)
        (released / "added.json").write_text("{}")

    assert observe(released, sleep=upload) == StillUploading(MOVED)


def test_a_directory_that_is_replaced_while_it_is_read_counts_as_uploading(released, monkeypatch):
    read = DirectoryFiles.sha256

    def vanishing(files, path):
        if released.exists():
            shutil.rmtree(released)
        return read(files, path)

    monkeypatch.setattr(DirectoryFiles, "sha256", vanishing)
    assert observe(released) == StillUploading(MOVED)


def test_reading_counts_as_waiting_and_no_other_clock_does(released):
    """Files from a machine whose clock is years ahead or behind are waited for as long as others."""
    waits = []
    times = iter([100.0, 103.5])
    os.utime(released / "config.json", (0, 0))
    os.utime(released / "tokenizer.json", (4e9, 4e9))
    files = DirectoryFiles(f"file://{released}")
    found = observe_files(files, 10, None, waits.append, lambda: next(times))
    assert isinstance(found, Revision) and waits == [6.5]


def test_an_upload_in_each_of_its_stages_is_not_taken_for_whole(tmp_path):
    directory = tmp_path / "arriving"
    directory.mkdir()
    files = checkpoint(shards=3)
    for path in sorted(files, reverse=True):
        if path.startswith("tokenizer"):
            continue
        for part in (files[path][:5], files[path][:-1]):
            (directory / path).write_bytes(part)
            assert isinstance(observe(directory), StillUploading), (path, len(part))
        (directory / path).write_bytes(files[path])
        if path != "config.json":
            assert isinstance(observe(directory), StillUploading), path
    assert isinstance(observe(directory), Revision)


def test_a_directory_that_is_not_there_is_gone(tmp_path):
    with pytest.raises(
        GoneError, match=r"file://.*/none: expected weights there, got: no directory"
    ):
        observe(tmp_path / "none")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_directory_that_may_not_be_read_is_refused(released):
    (released / "config.json").chmod(0)
    with pytest.raises(SourceError, match="Let the user who runs the worker read it"):
        observe(released)


def test_a_directory_that_may_not_be_listed_is_refused_and_not_taken_for_an_upload(
    released, monkeypatch
):
    """Root may list anything, so the refusal is played."""
    (released / "sub").mkdir()
    scandir = os.scandir

    def refusing(path):
        if os.fspath(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(SourceError, match=r"Permission denied.*Let the user who runs the worker"):
        observe(released)
