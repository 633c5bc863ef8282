import doctest

from configs import answer_format
from configs.answer_format import WORDS, WRAPPINGS, format_words


def test_the_example_holds():
    assert doctest.testmod(answer_format).failed == 0


def test_every_wrapping_has_words_and_one_order():
    assert set(WORDS) == set(WRAPPINGS)
    assert format_words("a text", WRAPPINGS) == format_words("a text", WRAPPINGS[::-1])
