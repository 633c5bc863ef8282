import pytest

from finetune.releases.completeness import ListedFile, what_is_missing
from tests.small_checkpoint import checkpoint, safetensors_bytes


def missing(files):
    listing = [ListedFile(path, len(content), "") for path, content in files.items()]

    def read(path, start, count):
        return files[path][start : None if count is None else start + count]

    return what_is_missing(listing, read)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_whole_checkpoint_lacks_nothing(shards):
    assert missing(checkpoint(shards=shards)) is None


@pytest.mark.parametrize("path", sorted(checkpoint(shards=2)))
def test_a_checkpoint_lacks_each_of_its_files(path):
    files = checkpoint(shards=2)
    del files[path]
    reason = missing(files)
    if path.startswith("tokenizer") or path.endswith("index.json"):
        assert reason is None, "nothing says that there will be one"
    else:
        assert reason == ("config.json is missing" if path == "config.json" else
                          f"shard {path} of 1 is missing")  # fmt: skip


def test_every_way_to_cut_off_a_shard_shows_without_waiting():
    files = checkpoint()
    whole = files["model.safetensors"]
    for length in range(len(whole)):
        reason = missing(files | {"model.safetensors": whole[:length]})
        assert reason is not None and reason.startswith("model.safetensors "), length
    assert missing(files | {"model.safetensors": whole[:-3]}) == (
        f"model.safetensors is cut off: {len(whole) - 3:,} of {len(whole):,} bytes"
    )


def test_space_that_was_reserved_and_not_yet_written_is_no_header():
    whole = checkpoint()["model.safetensors"]
    assert "no header yet" in missing(checkpoint() | {"model.safetensors": bytes(len(whole))})


def test_a_header_that_promises_more_than_fits_is_not_read():
    huge = (1 << 60).to_bytes(8, "little") + b"{}"
    assert "cut off within its header" in missing(checkpoint() | {"model.safetensors": huge})


@pytest.mark.parametrize("path", ["config.json", "tokenizer.json", "model.safetensors.index.json"])
def test_cut_off_json_shows(path):
    files = checkpoint(shards=2)
    reason = missing(files | {path: files[path][:-1]})
    assert reason.startswith(f"{path} is cut off (")


@pytest.mark.parametrize(
    "path",
    ["model.safetensors.incomplete", "x.tmp", "sub/y.PART", "_temporary/0/part-1", "a.crdownload"],
)
def test_files_in_transfer_are_known_by_their_names(path):
    assert missing(checkpoint() | {path: b""}) == f"{path} is a file in transfer"


@pytest.mark.parametrize("index", [b"[]", b'{"weight_map": []}', b"{}"])
def test_an_index_of_another_form_names_no_shards(index):
    files = checkpoint(shards=2) | {"model.safetensors.index.json": index}
    assert missing(files) == "model.safetensors.index.json names no shards"


def test_weights_of_another_directory_below_do_not_count_as_the_checkpoints_own():
    files = {"config.json": b"{}", "original/model.safetensors": safetensors_bytes(b"x")}
    assert missing(files) == "there is no *.safetensors"


@pytest.mark.parametrize(
    "path", ["model.safetensors.index.json", "model-00001-of-00002.safetensors"]
)
def test_a_file_that_is_written_again_while_it_is_looked_at_is_not_there_yet(path):
    """Whoever writes a file anew empties it first."""
    files = checkpoint(shards=2)
    listing = [ListedFile(name, len(content), "") for name, content in files.items()]
    asked = []

    def read(name, start, count):
        asked.append(name)
        emptied = name == path and (asked.count(path) > 1 or path.endswith(".safetensors"))
        return b"" if emptied else files[name][start : None if count is None else start + count]

    assert what_is_missing(listing, read) == f"{path} is being written"


@pytest.mark.parametrize(
    "header", [b'{"a": {"data_offsets": [0, Infinity]}}', b'{"a":' * 100_000, b'{"a": {"b": 1}}']
)
def test_a_header_that_makes_no_sense_is_none(header):
    forged = len(header).to_bytes(8, "little") + header
    assert "no header yet" in missing(checkpoint() | {"model.safetensors": forged})


def test_json_that_is_nested_beyond_reading_shows():
    assert "tokenizer.json is cut off" in missing(checkpoint() | {"tokenizer.json": b"[" * 100_000})
