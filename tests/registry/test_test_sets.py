import random

import pytest

from configs.document_set import DocumentSet, text_digest
from configs.errors import RegistryError
from registry.test_sets import MOST_SINGLE_READS, TEST_SETS, keep_test_set, read_test_sets


def documents(count, seed):
    draw = random.Random(seed)
    return DocumentSet(frozenset(f"{draw.getrandbits(48):012x}" for _ in range(count)))


def test_a_set_of_twenty_thousand_documents_comes_back_whole(contract_store):
    kept = documents(20_000, 1)
    entry = keep_test_set(contract_store, kept)
    assert read_test_sets(contract_store, {kept.digest: entry}) == {kept.digest: kept}


def test_short_texts_stay_marked(store):
    kept = DocumentSet(frozenset(map(text_digest, ["ok", "no", "A text of ordinary length."])))
    entry = keep_test_set(store, kept)
    assert read_test_sets(store, {kept.digest: entry})[kept.digest] == kept


def test_many_sets_are_read_at_once(store):
    kept = [documents(3, seed) for seed in range(MOST_SINGLE_READS + 2)]
    places = {each.digest: keep_test_set(store, each) for each in kept}
    assert list(read_test_sets(store, places).values()) == kept


def test_the_ledger_of_sets_is_no_model(store):
    keep_test_set(store, documents(1, 1))
    assert store.models() == []


@pytest.mark.parametrize("others", [0, MOST_SINGLE_READS + 1])
def test_a_set_that_was_changed_is_refused(store, others):
    kept, swapped = documents(3, 1), documents(3, 2)
    more = [documents(2, seed) for seed in range(5, 5 + others)]
    places = {each.digest: keep_test_set(store, each) for each in [swapped, *more]}
    with pytest.raises(RegistryError, match="expected the documents of the test set"):
        read_test_sets(store, {**places, kept.digest: places[swapped.digest]})


def test_a_set_whose_entry_is_gone_is_refused(store):
    kept = documents(3, 1)
    keep_test_set(store, kept)
    with pytest.raises(RegistryError, match=TEST_SETS):
        read_test_sets(store, {kept.digest: 7})
