import pytest
from pydantic import ValidationError

from configs.errors import ConfigError
from configs.followed_weights import FollowedSource, load_followed

SOURCES = [
    "hf://org/name@main", "hf://gpt2@v1.0", "hf://org/name@release/1", "models:/base",
    "models:/base@champion", "file://weights/base", "file:///shared/base", "s3://bucket/a/b", "gs://bucket",
]  # fmt: skip


@pytest.mark.parametrize("source", SOURCES)
def test_every_form_of_source_is_followed(source):
    assert FollowedSource(source=source).source == source


@pytest.mark.parametrize("source", ["s3://bucket/a/", "file:///shared/base/"])
def test_a_slash_at_the_end_makes_no_other_source(source):
    assert FollowedSource(source=source).source == source.rstrip("/")


@pytest.mark.parametrize(
    "source",
    ["hf://org/name", "models:/base/3", "pawl://tiny", "ftp://x", "s3://", "", "models:/a@"],
)
def test_what_cannot_change_or_be_looked_at_is_refused(source):
    with pytest.raises(ValidationError, match="expected hf://org/name@branch, models:/name"):
        FollowedSource(source=source)


def test_a_commit_is_refused_because_it_never_changes():
    with pytest.raises(ValidationError, match="a commit, which never changes"):
        FollowedSource(source="hf://org/name@" + "0a" * 20)


def test_the_shipped_list_follows_nothing_and_is_found_by_its_name():
    assert load_followed("weights").sources == ()


def test_ones_own_list_comes_before_the_shipped_one(tmp_path, monkeypatch):
    (tmp_path / "follow").mkdir()
    text = "sources: [{source: 'hf://org/name@main', announce_first: true}]"
    (tmp_path / "follow" / "weights.yaml").write_text(text)
    monkeypatch.setenv("PAWL_CONFIGS", str(tmp_path))
    [source] = load_followed("weights").sources
    assert source.announce_first and source.quiet_s == 10


def test_a_source_that_is_named_twice_is_refused(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("sources: [{source: 's3://bucket/a'}, {source: 's3://bucket/a/'}]")
    with pytest.raises(ConfigError, match=r"expected each source once, got s3://bucket/a again"):
        load_followed(str(path))


def test_an_unknown_key_comes_with_the_nearest_one(tmp_path):
    path = tmp_path / "list.yaml"
    path.write_text("sources: [{source: 'gs://bucket', quiet: 3}]")
    with pytest.raises(ConfigError, match="did you mean 'quiet_s'"):
        load_followed(str(path))
