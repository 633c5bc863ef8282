import doctest

import pytest

from configs import document_set
from configs.document_set import DocumentSet, input_digest, text_digest

NOTE = "The patient takes ibuprofen 400 mg when needed."


def documents(*texts):
    return DocumentSet(frozenset(map(text_digest, texts)))


def notes(numbers):
    return documents(*(f"{NOTE} This is note number {n}." for n in numbers))


def test_the_examples_in_the_docstrings_run():
    assert doctest.testmod(document_set).failed == 0
    assert doctest.testmod(document_set).attempted >= 4


@pytest.mark.parametrize(
    "same",
    [
        "The patient  takes\nibuprofen 400\tmg when needed.",
        "The patient takes ibuprofen 400 mg when needed.  ",
        "The patient takes ibuprofen ４００ mg when needed.",
    ],
)
def test_white_space_and_forms_of_a_character_make_no_other_document(same):
    assert text_digest(same) == text_digest(NOTE)


def test_another_word_makes_another_document():
    assert text_digest(NOTE) != text_digest(NOTE.replace("400", "200"))


def test_half_a_surrogate_pair_has_a_digest():
    assert len(text_digest("broken \ud83d in the middle of a text")) == 12


def test_a_prompt_that_shows_a_question_besides_is_about_the_same_document():
    assert input_digest([NOTE, "Which drug is it?"]) == input_digest(["Any allergy?", NOTE])


def test_the_order_of_fields_makes_no_other_document():
    assert input_digest(["as long as this", "as long as that"]) == input_digest(
        ["as long as that", "as long as this"]
    )


def test_one_document_in_common_makes_sets_overlap():
    assert notes(range(100)).shared_with(notes(range(99, 200))) == notes([99]).digests


def test_sets_without_a_common_document_do_not_overlap():
    assert not notes(range(100)).shared_with(notes(range(100, 200)))


def test_a_few_short_texts_in_common_are_chance():
    mine = documents("ok", "thanks", *(f"{NOTE} {n}" for n in range(98)))
    other = documents("ok", "thanks", *(f"{NOTE} {n}" for n in range(100, 198)))
    assert not mine.shared_with(other)


def test_a_set_of_short_texts_that_comes_back_with_a_row_more_overlaps():
    texts = [f"dose {n}?" for n in range(50)]
    first, again = documents(*texts), documents(*texts, NOTE)
    assert len(first.shared_with(again)) == 50
    assert len(again.shared_with(first)) == 50


def test_short_texts_count_where_a_longer_one_shows_that_the_sets_overlap():
    assert len(documents("ok", NOTE).shared_with(documents("ok", NOTE, *"abcdefghijk"))) == 2


def test_the_digest_of_a_set_rests_on_its_texts_alone():
    assert notes([1, 2]).digest == notes([2, 1, 2]).digest != notes([1, 2, 3]).digest
