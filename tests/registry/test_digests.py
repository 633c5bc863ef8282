import os
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.errors import PinError
from registry.digests import (
    FileDigest,
    Manifest,
    differences,
    digest_directory,
    digest_file,
)

FILES = {
    "config.json": b"{}", "model-00001.safetensors": bytes(range(256)), "empty": b"",
    ".hidden": b"h", "sub/.also/deep.bin": b"\x00\xff",
}  # fmt: skip


@pytest.fixture
def directory(tmp_path):
    return write(tmp_path / "model", FILES)


def write(directory, files):
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return directory


def test_the_digest_depends_on_content_alone(directory, tmp_path):
    twin = write(tmp_path / "elsewhere" / "named otherwise", dict(reversed(FILES.items())))
    os.utime(twin / "config.json", (1, 1))
    (twin / "empty directory").mkdir()
    assert digest_directory(twin) == digest_directory(directory)
    assert digest_directory(twin).digest == digest_directory(directory).digest


def test_every_file_is_listed_hidden_ones_too(directory):
    listed = {file.path: file.bytes for file in digest_directory(directory).files}
    assert listed == {name: len(content) for name, content in FILES.items()}


@given(st.sampled_from([name for name in FILES if FILES[name]]), st.integers(0), st.integers(0, 7))
def test_a_flipped_bit_anywhere_changes_the_digest_and_names_the_file(
    tmp_path_factory, name, position, bit
):
    directory = write(tmp_path_factory.mktemp("model"), FILES)
    before = digest_directory(directory)
    content = bytearray(FILES[name])
    content[position % len(content)] ^= 1 << bit
    (directory / name).write_bytes(content)
    assert digest_directory(directory).digest != before.digest
    [problem] = differences(before, directory)
    assert problem.startswith(f"{name}: expected sha256 ")


def test_a_renamed_file_changes_the_digest(directory):
    before = digest_directory(directory)
    (directory / "empty").rename(directory / "void")
    assert digest_directory(directory).digest != before.digest
    assert [problem.partition(":")[0] for problem in differences(before, directory)] == [
        "empty",
        "void",
    ]


def test_missing_and_additional_files_are_told_apart(directory):
    before = digest_directory(directory)
    (directory / ".hidden").unlink()
    (directory / "sub" / "more.bin").write_bytes(b"x")
    missing, more = differences(before, directory)
    assert missing.startswith(".hidden: expected sha256 ") and missing.endswith("it is missing")
    assert more.startswith("sub/more.bin: not in the manifest, got sha256 ")


def test_a_missing_directory_is_one_difference(directory, tmp_path):
    manifest = digest_directory(directory)
    assert differences(manifest, tmp_path / "gone") == [f"{tmp_path / 'gone'}: missing"]


def test_an_unchanged_directory_has_no_differences(directory):
    assert differences(digest_directory(directory), directory) == []


def test_bytecode_caches_are_not_counted(directory):
    before = digest_directory(directory)
    write(directory, {"__pycache__/module.pyc": b"1", "sub/__pycache__/module.pyc": b"2"})
    assert digest_directory(directory) == before


def test_a_link_to_a_file_counts_as_the_bytes_it_points_to(directory, tmp_path):
    before = digest_directory(directory)
    blob = tmp_path / "blob"
    (directory / "config.json").rename(blob)
    (directory / "config.json").symlink_to(blob)
    assert digest_directory(directory) == before
    blob.write_bytes(b"{ }")
    assert [p.partition(":")[0] for p in differences(before, directory)] == ["config.json"]


def link_to_directory(path):
    (path.parent / "target").mkdir()
    path.symlink_to(path.parent / "target")


@pytest.mark.parametrize(
    ("make", "kind"),
    [
        (link_to_directory, "a link to a directory"),
        (lambda path: path.symlink_to("nowhere"), "a link to nothing"),
        (lambda path: path.symlink_to(path.name), "a link to nothing"),
        (os.mkfifo, "a special file"),
    ],
    ids=["link to a directory", "link to nothing", "link to itself", "named pipe"],
)
def test_what_is_not_a_file_is_refused(directory, make, kind):
    path = directory / "sub" / "odd"
    make(path)
    with pytest.raises(PinError) as refused:
        digest_directory(directory)
    assert str(refused.value) == (
        f"{path}: expected a file or a link to one, got {kind}. Put the file itself there."
    )


def test_no_directory_is_refused(tmp_path):
    with pytest.raises(PinError, match=r"expected a directory, found none\. Restore the files"):
        digest_directory(tmp_path / "gone")


@given(st.permutations(list(FILES)))
def test_the_order_of_a_manifest_does_not_change_its_digest(names):
    files = {name: FileDigest(path=name, sha256="a" * 64, bytes=1) for name in FILES}
    in_order = Manifest(files=tuple(files.values()))
    assert Manifest(files=tuple(files[name] for name in names)).digest == in_order.digest


def test_digests_are_the_published_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"abc")
    abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert digest_file(tmp_path / "file") == f"sha256:{abc}"


@pytest.mark.skipif(sys.platform == "darwin", reason="macOS has no such names")
def test_a_file_name_that_is_no_text_is_refused(directory):
    (directory / os.fsdecode(b"weights-\xff.bin")).write_bytes(b"1")
    with pytest.raises(PinError, match="expected names in UTF-8, got weights-"):
        digest_directory(directory)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_refused(directory):
    (directory / "config.json").chmod(0)
    with pytest.raises(PinError, match="expected a file to read, got: Permission denied"):
        digest_directory(directory)


def test_a_directory_that_may_not_be_listed_has_no_digest(directory, monkeypatch):
    """Root may list anything, so the refusal is played."""
    scandir = os.scandir

    def refusing(path):
        if os.fspath(path).endswith("sub"):
            raise PermissionError(13, "Permission denied", os.fspath(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(PinError, match="sub: expected a directory to list, got: Permission denied"):
        digest_directory(directory)
