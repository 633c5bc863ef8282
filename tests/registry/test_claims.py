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

from configs.errors import RegistryError
from registry.claims import (
    claim,
    claim_of,
    claims_ledger_name,
    holder_of,
    holders_in_order,
    take_over,
)
from registry.records import VersionRecord
from registry.store import ModelStore
from tests.servers.processes import end_with_the_tests


@pytest.fixture
def key():
    return f"test/{secrets.token_hex(4)}/notes"


@pytest.fixture(scope="module")
def claimers():
    """Processes that claim at the same moment; see claimer.py."""
    processes = [
        subprocess.Popen(
            [sys.executable, Path(__file__).parent / "claimer.py"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            preexec_fn=end_with_the_tests,
            env=os.environ | {"MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true"},
        )
        for _ in range(4)
    ]  # fmt: skip

    def race(uri, key, expected_holder=None, delay_s=0.3):
        at = time.time() + delay_s
        name = "heir" if expected_holder else "run"
        for number, process in enumerate(processes):
            told = {"uri": uri, "key": key, "from": expected_holder, "at_s": at}
            process.stdin.write(json.dumps(told | {"holder": f"{name} {number}"}) + "\n")
        return [json.loads(process.stdout.readline()) for process in processes]

    yield race
    for process in processes:
        process.kill()
        process.communicate()


def entry(number, after, holder, key="re-evaluate/1"):
    tags = {"key": key, "after": str(after), "holder": holder}
    return VersionRecord(model="re-evaluate.claims.ledger", version=number, run_id="", tags=tags)


def test_the_first_claim_of_a_key_wins(store, key):
    first = claim(store, key, "run a")
    assert (first.holder, first.key) == ("run a", key)
    assert claim(store, key, "run b") == first
    assert holder_of(store, key) == "run a"


def test_nobody_holds_what_nobody_claimed(store, key):
    claim(store, key, "run a")
    assert holder_of(store, f"{key}/other") is None
    assert claim_of(store, "other/scope") is None


def test_claiming_again_what_one_holds_appends_nothing(store, key):
    claim(store, key, "run a")
    claim(store, key, "run a")
    assert len(store.versions(claims_ledger_name(key))) == 1


def test_a_key_goes_over_from_the_holder_that_was_seen(store, key):
    claim(store, key, "run a")
    assert take_over(store, key, "run a", "run b").holder == "run b"
    assert holder_of(store, key) == "run b"
    assert claim(store, key, "run a").holder == "run b"


def test_a_key_is_not_taken_from_a_holder_that_was_not_expected(store, key):
    claim(store, key, "run a")
    take_over(store, key, "run a", "run b")
    assert take_over(store, key, "run a", "run c").holder == "run b"
    assert len(store.versions(claims_ledger_name(key))) == 2


def test_a_holder_that_comes_back_is_a_new_entry(store, key):
    """A writer that saw `run a` before it lost and regained the key must not win (ABA)."""
    entries = [entry(1, 0, "run a"), entry(2, 1, "run b"), entry(3, 2, "run a")]
    late = entry(4, 1, "run c")
    assert holders_in_order([*entries, late], "re-evaluate/1")[-1].number == 3


def test_what_nobody_claimed_cannot_be_taken_over(store, key):
    with pytest.raises(RegistryError, match="expected holder run a, got none"):
        take_over(store, key, "run a", "run b")


@pytest.mark.parametrize("key", ["", "no-scope", "/x", "scope/"])
def test_a_key_needs_a_scope(store, key):
    with pytest.raises(RegistryError, match="expected scope/"):
        claim(store, key, "run a")


def test_the_ledger_of_claims_is_no_model(store, key):
    claim(store, key, "run a")
    assert store.models() == []


@given(st.lists(st.tuples(st.integers(0, 6), st.sampled_from("abc")), max_size=12), st.randoms())
def test_claims_in_effect_are_a_chain_whatever_the_order_of_reading(written, random):
    entries = [entry(n, after, holder) for n, (after, holder) in enumerate(written, start=1)]
    claims = holders_in_order(entries, "re-evaluate/1")
    shuffled = [*entries, entry(99, 0, "x", key="re-evaluate/2")]
    random.shuffle(shuffled)
    assert holders_in_order(shuffled, "re-evaluate/1") == claims
    afters = [int(entries[c.number - 1].tags["after"]) for c in claims]
    assert afters == [0, *(c.number for c in claims)][:-1] or not claims


def test_of_several_processes_that_claim_at_once_one_holds_the_key(contract_uri, claimers):
    for _ in range(2):
        key = f"race/{secrets.token_hex(4)}"
        claims = claimers(contract_uri, key)
        [first] = {claim["holder"] for claim in claims}
        assert holder_of(ModelStore(contract_uri), key) == first
        taken = claimers(contract_uri, key, expected_holder=first)
        [heir] = {claim["holder"] for claim in taken}
        assert heir.startswith("heir")
        assert holder_of(ModelStore(contract_uri), key) == heir
