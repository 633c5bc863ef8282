import random
import re

import pytest

from finetune.synthetic import vocabulary
from finetune.synthetic.vocabulary import SEEN_DRUGS, UNSEEN_DRUGS, invented_drug_name

LISTS = ("SEEN_DRUGS", "UNSEEN_DRUGS", "PROBLEMS", "ALLERGENS", "ADVERSE_EVENTS", "DOSES")


@pytest.mark.parametrize("name", LISTS)
def test_no_word_is_listed_twice(name):
    words = getattr(vocabulary, name)
    assert len({word.casefold() for word in words}) == len(words) > 10


def test_no_drug_is_both_seen_and_unseen_by_training():
    assert not set(SEEN_DRUGS) & set(UNSEEN_DRUGS)


def test_a_route_phrase_means_one_route():
    phrases = [p for phrases in vocabulary.ROUTE_PHRASES.values() for p in phrases]
    assert len(set(phrases)) == len(phrases)


def test_an_invented_name_is_a_word_and_no_real_drug():
    rng = random.Random(1)
    names = [invented_drug_name(rng) for _ in range(3000)]
    assert all(re.fullmatch(r"[a-z]{6,14}", name) for name in names)
    assert not set(names) & {*SEEN_DRUGS, *UNSEEN_DRUGS}
    assert len(set(names)) > 2000


def test_the_same_seed_invents_the_same_names():
    def ten(seed):
        rng = random.Random(seed)
        return [invented_drug_name(rng) for _ in range(10)]

    assert ten(1) == ten(1) != ten(2)
