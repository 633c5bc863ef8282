import pytest
from hypothesis import given
from hypothesis import strategies as st

from configs.normalization import Normalization
from evals.scorers.text import normalize, phee_tokens, squad_tokens, words


def test_normalization_does_only_what_is_declared():
    off = Normalization(lowercase=False, collapse_whitespace=False, strip_punctuation=False)
    assert normalize(" A  b. ", off) == " A  b. "
    assert normalize(" A  b. ", off.model_copy(update={"lowercase": True})) == " a  b. "
    assert normalize(" A  b. ", off.model_copy(update={"collapse_whitespace": True})) == "A b."
    assert normalize("(A b.)", off.model_copy(update={"strip_punctuation": True})) == "A b"


@given(st.text(max_size=20))
def test_normalizing_twice_changes_nothing_more(text):
    once = normalize(text, Normalization())
    assert normalize(once, Normalization()) == once


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The 10-day course.", ["10day", "course"]),
        ("An  apple, a day", ["apple", "day"]),
        ("1,000 mg", ["1000", "mg"]),
        ("theatre", ["theatre"]),
        (" ... ", []),
    ],
)
def test_squad_tokens_are_those_of_the_official_script(text, tokens):
    assert squad_tokens(text) == tokens


def test_a_dose_ten_times_as_high_is_another_answer():
    assert squad_tokens("2.5 mg.") == ["2.5", "mg"] != squad_tokens("25 mg")
    assert words("2.5 mg") == ["2.5", "mg"]


def test_phee_tokens_are_split_at_punctuation():
    assert phee_tokens("A 44-year-old man's (two) drugs_x") == [
        "44", "year", "old", "man", "s", "two", "drugs", "x",
    ]  # fmt: skip


def test_words_of_any_script_count():
    assert words("Émile Ω 药物, x_y") == ["émile", "ω", "药物", "x", "y"]
