from hypothesis import given, settings
from hypothesis import strategies as st

from finetune.data_checks.containment import containing, covered_share

words = st.lists(st.sampled_from("ab"), min_size=1, max_size=30).map(tuple)


def naive_share(text, within, size):
    known = {within[i : i + size] for i in range(len(within) - size + 1)}
    covered = set()
    for i in range(len(text) - size + 1):
        if text[i : i + size] in known:
            covered |= set(range(i, i + size))
    return len(covered) / len(text)


@given(text=words, within=words, size=st.integers(1, 9))
def test_words_covered_by_overlapping_ngrams_count_once(text, within, size):
    assert covered_share(text, within, size) == naive_share(text, within, size)


@given(
    texts=st.lists(words, min_size=1, max_size=6),
    others=st.lists(words, min_size=1, max_size=6),
    size=st.integers(8, 14),
    share=st.sampled_from([0.3, 0.8, 1.0]),
)
@settings(max_examples=150, deadline=None)
def test_the_best_covering_text_is_found_whatever_the_candidates(texts, others, size, share):
    for text, found in zip(texts, containing(texts, others, size=size, share=share), strict=True):
        if len(text) < 8:
            assert found is None
            continue
        best = max(naive_share(text, other, min(size, len(text))) for other in others)
        assert (found[1] if found else None) == (best if best >= share else None)
        if found:
            assert naive_share(text, others[found[0]], min(size, len(text))) == best


def test_one_edit_in_the_middle_does_not_hide_a_copied_text(prose):
    text = tuple(prose(1, 40).split())
    edited = (*text[:20], "edited", *text[21:])
    longer = (*prose(2, 30).split(), *text, *prose(3, 30).split())
    ((position, share),) = containing(
        [edited], [tuple(prose(4, 60).split()), longer], size=13, share=0.8
    )
    assert (position, share) == (1, 39 / 40)


def test_a_stock_phrase_of_thirteen_words_is_no_copy(prose):
    phrase = tuple(prose(9, 13).split())
    texts = [(*prose(i, 30).split(), *phrase) for i in (1, 2)]
    assert containing(texts[:1], texts[1:], size=13, share=0.8) == [None]


def test_texts_between_eight_words_and_an_ngram_are_looked_for_whole():
    text = tuple("abcdefgh")
    other = (*"xyz", *text, *"xyz")
    assert containing([text, text[:7]], [other], size=13, share=0.8) == [(0, 1.0), None]
    assert containing([(*text[:7], "q")], [other], size=13, share=0.8) == [None]
