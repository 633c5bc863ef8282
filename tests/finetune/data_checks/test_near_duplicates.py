import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.data_checks.near_duplicates import (
    MISSED,
    NearDuplicateIndex,
    bands,
    jaccard,
    miss_chance,
    shingles,
)

SETTINGS = {"similarity": 0.8, "shingle_words": 3, "hashes": 128, "seed": 5}
texts = st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=12).map(tuple), min_size=1,
                 max_size=12)  # fmt: skip


def brute_force(indexed, asked, similarity, size):
    return {
        (a, i)
        for a, own in enumerate(asked)
        for i, other in enumerate(indexed)
        if jaccard(shingles(own, size), shingles(other, size)) >= similarity
    }


@given(indexed=texts, asked=texts, seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_no_pair_is_reported_that_is_not_one_and_equal_texts_are_never_missed(indexed, asked, seed):
    found = NearDuplicateIndex(indexed, **SETTINGS | {"seed": seed}).similar(asked)
    reported = {(a, i) for a, pairs in enumerate(found) for i, _ in pairs}
    assert reported <= brute_force(indexed, asked, 0.8, 3)
    same = {(a, i) for a, own in enumerate(asked) for i, o in enumerate(indexed) if own == o}
    assert same <= reported
    for a, pairs in enumerate(found):
        exact = [jaccard(shingles(asked[a], 3), shingles(indexed[i], 3)) for i, _ in pairs]
        assert [value for _, value in pairs] == exact == sorted(exact, reverse=True)


def test_hardly_any_similar_pair_is_missed(prose):
    rng = random.Random(1)
    indexed = [tuple(prose(i, 40).split()) for i in range(300)]
    asked = []
    for words in indexed:
        edited = list(words)
        for _ in range(rng.choice((1, 1, 2))):
            edited[rng.randrange(len(edited))] = "edited"
        asked.append(tuple(edited))
    wanted = brute_force(indexed, asked, 0.7, 3)
    found = NearDuplicateIndex(indexed, **SETTINGS | {"similarity": 0.7}).similar(asked)
    reported = {(a, i) for a, pairs in enumerate(found) for i, _ in pairs}
    assert len(wanted) > 200
    assert len(wanted - reported) <= 1


@pytest.mark.parametrize("similarity", [0.5, 0.7, 0.8, 0.9, 0.99])
@pytest.mark.parametrize("hashes", [64, 128, 256])
def test_bands_fit_the_hashes_and_keep_the_promised_chance_to_miss_a_pair(similarity, hashes):
    number, rows = bands(similarity, hashes)
    assert number * rows <= hashes
    assert miss_chance(similarity, hashes) <= MISSED
    assert (
        1 - (1 - similarity ** (rows + 1)) ** (hashes // (rows + 1)) < 1 - MISSED
    )  # no wider band would


def test_the_chance_to_miss_a_pair_is_measured_not_only_claimed():
    """Two sets of similarity 0.8 and far fewer hashes than by default: most seeds find them."""
    first = tuple(f"w{i}" for i in range(90))
    second = tuple(f"w{i}" for i in range(10, 100))
    options = {"similarity": 0.8, "shingle_words": 1, "hashes": 32}
    found = [
        bool(NearDuplicateIndex([first], seed=s, **options).similar([second])[0])
        for s in range(300)
    ]
    expected = 1 - miss_chance(0.8, 32)
    assert jaccard(shingles(first, 1), shingles(second, 1)) == 0.8
    assert abs(sum(found) / 300 - expected) < 0.02


def test_same_seed_same_pairs(prose):
    texts = [tuple(prose(i % 20, 20).split()) for i in range(40)]
    results = [NearDuplicateIndex(texts, **SETTINGS).similar(texts) for _ in range(2)]
    assert results[0] == results[1]


def test_a_text_shorter_than_a_shingle_is_one_shingle():
    assert shingles(("fever",), 3) == {b"fever"}
    assert jaccard(shingles(("fever",), 3), shingles(("fever", "today"), 3)) == 0
