import doctest
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.scorers import false_items
from evals.scorers.false_items import capped, most_false_items, without_surplus_copies

fields = st.dictionaries(
    st.sampled_from(["drug", "effect", "dose", "route"]), st.integers(0, 400), min_size=1
)


def test_the_examples_hold():
    assert doctest.testmod(false_items).failed == 0


@pytest.mark.parametrize(("gold_items", "most"), [(0, 3), (1, 5), (10, 23)])
def test_the_cap_is_twice_the_gold_items_and_three(gold_items, most):
    assert most_false_items(gold_items) == most
    assert sum(capped({"a": 40, "b": 40}, gold_items).values()) == most


def test_ties_go_to_the_earlier_field():
    assert capped({"a": 40, "b": 40}, 0) == {"a": 2, "b": 1}
    assert capped({"b": 40, "a": 40}, 0) == {"b": 2, "a": 1}


@given(fields, st.integers(0, 60))
def test_no_field_counts_more_than_it_has_and_the_whole_cap_is_used(false, gold_items):
    kept = capped(false, gold_items)
    assert kept.keys() == false.keys()
    assert all(0 <= kept[field] <= false[field] for field in false)
    assert sum(kept.values()) == min(sum(false.values()), most_false_items(gold_items))


words = st.lists(st.sampled_from("abc"), max_size=8).map(Counter)


@given(words, words)
def test_leaving_out_copies_keeps_every_right_item_and_one_false_one_of_each(gold, got):
    kept = without_surplus_copies(gold, got)
    assert gold & kept == gold & got
    assert (kept - gold).total() == len(got - gold)
