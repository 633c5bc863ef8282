import pytest

from finetune.synthetic import vocabulary

LISTS = ("PROBLEMS", "ALLERGENS", "ADVERSE_EVENTS", "DOSES")


@pytest.mark.parametrize("name", LISTS)
def test_no_word_is_listed_twice(name):
    words = getattr(vocabulary, name)
    assert len({word.casefold() for word in words}) == len(words) > 10


def test_a_route_phrase_means_one_route():
    phrases = [p for phrases in vocabulary.ROUTE_PHRASES.values() for p in phrases]
    assert len(set(phrases)) == len(phrases)
