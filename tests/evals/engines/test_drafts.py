from hypothesis import given
from hypothesis import strategies as st

from evals.engines.drafts import MOST_GUESSES, Drafts, RowDraft


def test_an_answer_like_the_ones_before_is_guessed():
    drafts = Drafts()
    skeleton = [10, 11, 12, 13, 14, 15]
    for _ in range(8):
        drafts.learn(RowDraft([1, 2, 3, 4]), skeleton)
    row = RowDraft([1, 2, 3, 4])
    drafts.learn(row, skeleton[:2])
    assert drafts.guess([row]) == [skeleton[2:]]


def test_what_was_copied_from_prompts_before_is_guessed_from_the_next_prompt():
    drafts = Drafts()
    for start in range(20, 400, 20):  # every row has words of its own
        words = list(range(start, start + 10))
        drafts.learn(RowDraft([*words, 1]), words)
    row = RowDraft([900, 901, 902, 903, 904, 1])
    drafts.learn(row, [900, 901])
    assert drafts.guess([row])[0][:2] == [902, 903]


def test_nothing_is_guessed_from_nothing():
    assert Drafts().guess([RowDraft([1]), RowDraft([5, 6, 7])]) == [[], []]


def test_guesses_that_keep_failing_are_given_up():
    drafts = Drafts()
    row = RowDraft([1, 2])
    for token in range(100, 160):
        drafts.learn(RowDraft([1, 2]), [token])
    assert drafts.guess([row] * 16) == [[]] * 16


@given(st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=30), min_size=1, max_size=6))
def test_guesses_are_tokens_that_were_seen_and_no_more_than_allowed(sequences):
    drafts = Drafts()
    rows = [RowDraft(sequence) for sequence in sequences]
    for row in rows:
        drafts.learn(row, row.tokens[::-1])
    seen = {token for sequence in sequences for token in sequence}
    for guess in drafts.guess(rows):
        assert len(guess) <= MOST_GUESSES
        assert set(guess) <= seen
