import json
import socket

import pytest

from finetune.releases.hub import observe_hub, wait_asked_for_s
from finetune.releases.source_errors import GoneError, RateLimitedError, SourceError
from finetune.weights import DOWNLOADED, locate_weights
from registry.digests import digest_directory
from tests.small_checkpoint import checkpoint

FOLLOWED = "hf://org/name@main"
EXTRA = {"README.md": b"# A model", "pytorch_model.bin": b"pickle", "sub/vocab.txt": b"a\nb\n"}


def no_wait(seconds):
    raise AssertionError(f"waited {seconds} s")


def observe(tmp_path, earlier=None, followed=FOLLOWED, sleep=no_wait):
    return observe_hub(followed, tmp_path / "weights", DOWNLOADED, earlier, sleep)


def test_a_revision_has_the_files_that_downloading_it_gives(hub, tmp_path):
    commit = hub.push("org/name", checkpoint(shards=2) | EXTRA)
    found = observe(tmp_path)
    assert found.source == f"hf://org/name@{commit}"
    downloaded = digest_directory(locate_weights(found.source, tmp_path / "weights")).files
    assert [(f.path, f.bytes, f.sha256) for f in found.files] == [
        (f.path, f.bytes, f.sha256) for f in downloaded
    ]
    assert {"sub/vocab.txt", "config.json"} <= {f.path for f in found.files}


def test_weights_are_not_downloaded_by_looking(hub, tmp_path):
    hub.push("org/name", checkpoint() | EXTRA)
    observe(tmp_path)
    fetched = [line for line in hub.asked if line.startswith("GET") and "/resolve/" in line]
    assert fetched and not any("safetensors" in line for line in hub.asked)
    assert "hf_test" not in " ".join(hub.asked)


def test_the_same_commit_is_asked_for_once_and_no_file_of_it_again(hub, tmp_path):
    hub.push("org/name", checkpoint())
    first = observe(tmp_path)
    hub.asked.clear()
    assert observe(tmp_path, first) is first
    assert len(hub.asked) == 1
    hub.push("org/name", checkpoint("other"))
    second = observe(tmp_path, first)
    assert second.identity != first.identity and second.files != first.files


def test_a_branch_with_a_slash_is_followed(hub, tmp_path):
    commit = hub.push("org/name", checkpoint(), branch="release/1")
    assert observe(tmp_path, followed="hf://org/name@release/1").source.endswith(commit)


def failing(hub, tmp_path, status, headers, sleep=no_wait):
    hub.push("org/name", checkpoint())
    hub.fail = lambda target, sent: (status, headers, json.dumps({}).encode())
    with pytest.raises(SourceError) as raised:
        observe(tmp_path, sleep=sleep)
    return raised.value


def test_a_revoked_token_is_refused_with_what_to_do(hub, tmp_path):
    said = "Invalid credentials in Authorization header"
    error = failing(hub, tmp_path, 401, {"x-error-message": said})
    assert str(error) == (
        f"{FOLLOWED}: expected to be let in, got: 401 {said}. Check HF_TOKEN, and that its account was "
        "given access to this repository."
    )


def test_a_gated_repository_is_refused_with_what_to_do(hub, tmp_path):
    told = {"x-error-code": "GatedRepo", "x-error-message": "Access to model is restricted"}
    assert "got: 403 Access to model is restricted" in str(failing(hub, tmp_path, 403, told))


def test_a_token_that_the_files_refuse_is_told_apart_from_no_network(hub, tmp_path):
    hub.push("org/name", checkpoint())
    refusal = 403, {"x-error-message": "Forbidden"}, b""
    hub.fail = lambda target, sent: refusal if "/resolve/" in target else None
    with pytest.raises(SourceError, match=r"expected to be let in, got: 403"):
        observe(tmp_path)


def test_a_repository_that_vanished_is_named(hub, tmp_path):
    with pytest.raises(SourceError, match="expected a repository, got none, or a private one"):
        observe(tmp_path)


def test_a_branch_that_vanished_is_gone(hub, tmp_path):
    hub.push("org/name", checkpoint(), branch="other")
    with pytest.raises(GoneError, match="a repository without this branch or tag"):
        observe(tmp_path)


@pytest.mark.parametrize("headers", [{"retry-after": "600"}, {"ratelimit": '"api";r=0;t=600'}, {}])
def test_a_long_rate_limit_is_left_to_the_next_look(hub, tmp_path, headers):
    error = failing(hub, tmp_path, 429, headers)
    assert isinstance(error, RateLimitedError)
    told = "; it asks to wait 600 s" if headers else ""
    assert str(error) == (
        f"{FOLLOWED}: expected an answer, got a rate limit{told}. Nothing need be done: the next look "
        "asks again."
    )


def test_a_short_rate_limit_is_waited_for(hub, tmp_path):
    commit = hub.push("org/name", checkpoint())
    limited = (429, {"retry-after": "3"}, b"{}")
    hub.fail = lambda target, sent: limited if len(hub.asked) == 1 else None
    waits = []
    assert observe(tmp_path, sleep=waits.append).source.endswith(commit)
    assert waits == [3.0]


def test_a_rate_limit_is_waited_for_once(hub, tmp_path):
    waits = []
    error = failing(hub, tmp_path, 429, {"retry-after": "3"}, waits.append)
    assert isinstance(error, RateLimitedError) and waits == [3.0]


@pytest.mark.parametrize("status", [500, 503])
def test_a_hub_in_trouble_is_asked_again_at_the_next_look(hub, tmp_path, status):
    assert "expected an answer, got HfHubHTTPError" in str(failing(hub, tmp_path, status, {}))


def test_an_answer_that_is_no_json_is_no_answer(hub, tmp_path):
    assert "expected an answer, got" in str(failing(hub, tmp_path, 200, {"content-length": 1}))


def test_a_mirror_that_leaves_out_commits_is_named(hub, tmp_path):
    hub.fail = lambda target, sent: (200, {}, b'{"id": "org/name", "_id": "1", "siblings": []}')
    with pytest.raises(SourceError, match=r"expected a commit and its files.* Check HF_ENDPOINT"):
        observe(tmp_path)


def test_a_hub_that_is_away_is_reported(tmp_path, monkeypatch):
    from huggingface_hub import constants

    with socket.socket() as closed:  # bound but not listening: every connection is refused
        closed.bind(("127.0.0.1", 0))
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(SourceError, match=r"expected an answer, got ConnectError.*refused"):
            observe(tmp_path)


def test_a_date_to_wait_for_is_not_guessed_at():
    assert wait_asked_for_s({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}) is None
