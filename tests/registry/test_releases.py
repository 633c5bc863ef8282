import threading

import pytest

from registry.records import VersionRecord
from registry.releases import (
    effective_releases,
    find_release,
    latest_release,
    record_release,
    releases_in_effect,
)

MAIN = "hf://org/model@main"


def entry(number, digest, after, followed=MAIN, **tags):
    facts = {"followed": followed, "source": f"hf://org/model@{number}", "digest": digest}
    return VersionRecord(
        model="ledger", version=number, run_id="", created_ms=number,
        tags=facts | {"after": str(after), "announced": "yes"} | tags,
    )  # fmt: skip


def in_effect(*entries):
    return [(r.number, r.digest, r.previous_digest) for r in effective_releases(entries)]


def test_of_two_entries_on_the_same_head_the_first_takes_effect():
    assert in_effect(entry(1, "a", 0), entry(2, "b", 1), entry(3, "b", 1)) == [
        (1, "a", ""), (2, "b", "a")]  # fmt: skip


def test_a_digest_that_comes_back_is_a_release_of_its_own():
    assert [r[1] for r in in_effect(entry(1, "a", 0), entry(2, "b", 1), entry(3, "a", 2))] == [
        "a", "b", "a"]  # fmt: skip


def test_the_same_digest_again_and_foreign_entries_take_no_effect():
    foreign = VersionRecord(model="ledger", version=3, run_id="", tags={"after": "1"})
    assert in_effect(entry(1, "a", 0), entry(2, "a", 1), foreign) == [(1, "a", "")]


def test_sources_do_not_disturb_each_other():
    assert in_effect(entry(1, "a", 0), entry(2, "x", 0, "file:///other"), entry(3, "b", 1)) == [
        (1, "a", ""), (2, "x", ""), (3, "b", "a")]  # fmt: skip


@pytest.fixture
def followed(model):
    return f"file:///{model}"


def test_what_was_there_when_following_began_is_no_news(contract_store, followed):
    first = record_release(contract_store, followed, followed, "sha256:a", announce_first=False)
    assert not first.announced
    assert (
        record_release(contract_store, followed, followed, "sha256:a", announce_first=True) is None
    )
    second = record_release(contract_store, followed, followed, "sha256:b", announce_first=False)
    assert second.announced
    assert (second.after, second.previous_digest) == (first.number, "sha256:a")
    assert latest_release(contract_store, followed) == second
    assert find_release(contract_store, second.release_id) == second
    assert find_release(contract_store, "999999") is None


def test_watchers_that_notice_one_revision_at_once_record_it_once(contract_store, followed):
    found = []

    def notice():
        found.append(
            record_release(contract_store, followed, followed, "sha256:a", announce_first=True)
        )

    threads = [threading.Thread(target=notice) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([r for r in releases_in_effect(contract_store) if r.followed == followed]) == 1
    assert len({release.number for release in found if release}) == 1
