import pytest

from configs.errors import DataError
from finetune.data_checks.rows import checked_rows, contains_words, plain_of, words_of

ROW = {"id": "a", "doc_id": "d", "text": "Fever.", "target": "urgent"}


@pytest.mark.parametrize(
    ("first", "second"),
    [("Took 5 mg.", "took  5 mg"), ("ﬁne", "fine"), ("１２", "12"), ("STRASSE!", "straße")],
)
def test_case_punctuation_and_ways_to_write_a_letter_make_no_other_words(first, second):
    assert words_of(first) == words_of(second)


def test_punctuation_stays_in_the_plain_text():
    assert words_of("HIV +") == words_of("HIV -")
    assert plain_of("HIV  +\n") == "hiv +" != plain_of("HIV -")


def test_scripts_without_spaces_are_divided_into_characters():
    assert words_of("患者は発熱") == ("患", "者", "は", "発", "熱")


def test_a_text_without_words_is_its_own_word():
    assert words_of("+ +") == ("++",) != words_of("- -")


def test_words_are_found_whole_and_in_a_row():
    assert contains_words(("no", "acute", "pain"), ("acute", "pain"))
    assert not contains_words(("subacute", "pain"), ("acute", "pain"))
    assert not contains_words(("acute", "or", "pain"), ("acute", "pain"))
    assert not contains_words(("pain",), ())


def test_an_empty_split_is_refused():
    with pytest.raises(DataError, match=r"data\.test: expected rows, got none"):
        checked_rows("test", [])


@pytest.mark.parametrize("field", ["doc_id", "text", "target"])
@pytest.mark.parametrize("value", [None, ""])
def test_rows_without_a_text_a_document_or_a_target_are_refused_and_named(field, value):
    with pytest.raises(DataError, match=f"got b without {field}"):
        checked_rows("train", [ROW, ROW | {"id": "b", field: value}])


def test_white_space_is_no_text_and_a_row_without_id_is_named_by_its_place():
    with pytest.raises(DataError, match="row 2 without id, text"):
        checked_rows("train", [ROW, {"doc_id": "d", "text": " \n", "target": "x"}])


def test_of_many_broken_rows_the_first_ten_are_named():
    rows = [{"id": f"r{i}"} for i in range(25)]
    with pytest.raises(DataError, match=r"r9 without .* and 15 more"):
        checked_rows("train", rows)


def test_the_text_is_made_of_the_fields_that_are_asked_about_and_clusters_by_the_task_s_key():
    content = {
        "id": "a", "patient": 7, "target": {"answer": "x"}, "question": "Which dose?",
        "context": [{"id": "P1", "text": "Five mg."}],
    }  # fmt: skip
    (row,) = checked_rows("test", [content], ("context", "question"), "patient")
    assert row.words == ("p1", "five", "mg", "which", "dose")
    assert row.doc_id == "7"


def test_a_target_may_be_zero_or_an_empty_object():
    assert checked_rows("test", [ROW | {"target": {}}])[0].target == {}
