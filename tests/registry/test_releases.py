import json
import os
import secrets
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.ledger import DamagedLedgerError
from registry.records import VersionRecord
from registry.releases import (
    RELEASE_LEDGER,
    find_release,
    in_effect,
    latest_release,
    note_release,
    releases_in_effect,
)
from registry.store import ModelStore
from tests.servers.processes import end_with_the_tests

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


@pytest.fixture
def followed():
    return f"hf://org/{secrets.token_hex(4)}@main"


def note(store, followed, digest, announce=True):
    seen = latest_release(store, followed)
    return note_release(
        store, followed, followed.replace("main", digest[-9:]), digest, seen, announce
    )


def test_a_release_says_what_is_new_and_what_it_follows(store, followed):
    first = note(store, followed, A, announce=False)
    second = note(store, followed, B)
    assert (first.announce, first.previous, first.after) == (False, "", 0)
    assert (second.announce, second.previous, second.after) == (True, A, first.number)
    assert latest_release(store, followed) == second
    assert second.source == followed.replace("main", B[-9:]) and second.released_ms > 0


def test_a_release_is_found_by_its_name_and_by_no_other(store, followed):
    first, second = note(store, followed, A), note(store, followed, B)
    assert find_release(store, first.release_id) == first
    assert find_release(store, second.release_id) == second
    assert find_release(store, str(first.number)) is None
    assert find_release(store, f"{first.number}-{second.token[:12]}") is None


def test_weights_that_come_back_are_a_new_release(store, followed):
    first = note(store, followed, A)
    note(store, followed, B)
    again = note(store, followed, A)
    assert again.digest == first.digest and again.release_id != first.release_id


def test_a_look_from_before_another_release_is_dropped(store, followed):
    seen = note(store, followed, A)
    newer = note(store, followed, C)
    assert note_release(store, followed, "hf://org/x@b", B, seen, True) is None
    assert latest_release(store, followed) == newer


def test_the_same_weights_are_not_released_again(store, followed):
    first = note(store, followed, A)
    assert note(store, followed, A) is None
    assert note(store, followed, B).after == first.number


def test_sources_do_not_disturb_each_other(store, followed):
    first = note(store, followed, A)
    other = note(store, f"{followed}-2", A)
    assert note(store, followed, B).after == first.number
    assert latest_release(store, f"{followed}-2") == other
    assert len(releases_in_effect(store)) == 3


def test_nothing_was_released_where_nothing_was_noted(store, followed):
    assert latest_release(store, followed) is None
    assert find_release(store, "1-0123456789ab") is None


def test_the_ledger_of_releases_is_no_model_of_its_own(store, followed):
    note(store, followed, A)
    assert RELEASE_LEDGER not in store.models()


def test_what_pawl_did_not_write_takes_no_effect(store, followed):
    note(store, followed, A)
    store.create_version(RELEASE_LEDGER, "runs:/0/pawl", {"followed": followed, "digest": "none"})
    assert [one.digest for one in releases_in_effect(store)] == [A]


def test_an_entry_that_was_deleted_is_noticed(store, followed):
    note(store, followed, A)
    second = note(store, followed, B)
    note(store, followed, C)
    store._client.delete_model_version(RELEASE_LEDGER, str(second.number))
    with pytest.raises(DamagedLedgerError, match=f"entry 3 was written on entry {second.number}"):
        releases_in_effect(store)


@given(st.lists(st.tuples(st.sampled_from("xy"), st.integers(0, 3)), max_size=12), st.randoms())
def test_what_took_effect_is_one_chain_per_source_in_whatever_order_it_is_read(steps, random):
    """Writers are `late` by up to three entries of their source, as racing ones are."""
    records, chains = [], {"x": [0], "y": [0]}
    for number, (source, late) in enumerate(steps, start=1):
        chain = chains[source]
        after = chain[max(0, len(chain) - 1 - late)]
        tags = {
            "after": str(after), "followed": source, "source": source, "announce": "True",
            "digest": f"sha256:{number:064x}", "token": f"{number:032x}",
        }  # fmt: skip
        records.append(VersionRecord(model="l", version=number, run_id="", tags=tags))
        if after == chain[-1]:
            chain.append(number)
    random.shuffle(records)
    found = in_effect(records)
    assert [one.number for one in found] == sorted(one.number for one in found)
    for source, chain in chains.items():
        assert [one.number for one in found if one.followed == source] == chain[1:]


@pytest.fixture(scope="module")
def watchers():
    """Processes that note releases at the same moment; see release_noter.py."""
    processes = [
        subprocess.Popen(
            [sys.executable, Path(__file__).parent / "release_noter.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            preexec_fn=end_with_the_tests,
            env=os.environ | {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"},
        )
        for _ in range(3)
    ]  # fmt: skip

    def race(uri, followed, digests):
        for process in processes:
            process.stdin.write(json.dumps({"uri": uri, "followed": followed}) + "\n")
        assert [process.stdout.readline() for process in processes] == ["ready\n"] * 3
        at = time.time() + 0.2
        for process, digest in zip(processes, digests, strict=True):
            process.stdin.write(json.dumps({"digest": digest, "at_s": at}) + "\n")
        return [json.loads(process.stdout.readline()) for process in processes]

    yield race
    for process in processes:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("digests", [(A, A, A), (A, B, C)])
def test_of_watchers_that_note_at_once_exactly_one_takes_effect(
    contract_uri, followed, watchers, digests
):
    answers = watchers(contract_uri, followed, digests)
    won = [answer for answer in answers if answer is not None]
    assert len(won) == 1
    found = [r for r in releases_in_effect(ModelStore(contract_uri)) if r.followed == followed]
    assert [r.release_id for r in found] == won
