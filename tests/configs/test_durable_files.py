import errno
import os
from pathlib import Path

import pytest

from configs.durable_files import durable_directory, write_durably


def tree(directory):
    """Every file below a directory with its bytes; litter would show here too."""
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_directory_appears_whole_and_leaves_no_litter(tmp_path):
    with durable_directory(tmp_path / "deep" / "model") as directory:
        (directory / "nested").mkdir()
        (directory / "nested" / "weights").write_text("new")
        assert not (tmp_path / "deep" / "model").exists()
    assert tree(tmp_path) == {"deep/model/nested/weights": b"new"}
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]


def test_a_directory_is_replaced_not_mixed(tmp_path):
    for name in ("old", "new"):
        with durable_directory(tmp_path / "model") as directory:
            (directory / name).write_text(name)
    assert tree(tmp_path) == {"model/new": b"new"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt, OSError])
def test_a_failing_block_leaves_the_old_directory_and_no_litter(tmp_path, failure):
    with durable_directory(tmp_path / "model") as directory:
        (directory / "weights").write_text("old")
    with pytest.raises(failure), durable_directory(tmp_path / "model") as directory:
        (directory / "weights").write_text("half")
        raise failure
    assert tree(tmp_path) == {"model/weights": b"old"}
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failing_block_leaves_nothing_where_nothing_was(tmp_path):
    with pytest.raises(RuntimeError), durable_directory(tmp_path / "model") as directory:
        (directory / "weights").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_the_old_directory_comes_back_when_the_new_one_cannot_take_its_place(tmp_path, monkeypatch):
    with durable_directory(tmp_path / "model") as directory:
        (directory / "weights").write_text("old")
    rename = Path.rename

    def refuse_new(self, target):
        if ".building-" in self.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", refuse_new)
    with pytest.raises(OSError), durable_directory(tmp_path / "model") as directory:
        (directory / "weights").write_text("new")
    assert tree(tmp_path) == {"model/weights": b"old"}


def test_a_file_is_replaced_and_leaves_no_litter(tmp_path):
    path = tmp_path / "deep" / "pin.json"
    write_durably(path, "old é")
    assert path.read_bytes() == "old é".encode()
    write_durably(path, b"\x00new")
    assert tree(tmp_path) == {"deep/pin.json": b"\x00new"}


def test_a_file_that_cannot_be_written_stays_as_it_was(tmp_path, file_size_limit):
    path = tmp_path / "pin.json"
    write_durably(path, "old")
    with file_size_limit(1000), pytest.raises(OSError) as raised:
        write_durably(path, "x" * 2000)
    assert raised.value.errno == errno.EFBIG
    assert tree(tmp_path) == {"pin.json": b"old"}
