import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.stats.asked_documents import answering_for


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 10_000), documents=st.integers(1, 40), sizes=st.sampled_from([1, 3, 99]))
def test_no_weight_is_lost_and_every_document_asked_keeps_its_own(seed, documents, sizes):
    rng = np.random.default_rng(seed)
    weights = rng.integers(1, sizes + 1, documents).astype(float)
    weights /= weights.sum()
    asked = rng.random(documents) < 0.5
    asked[rng.integers(documents)] = True
    found = answering_for(weights, asked)
    assert len(found) == asked.sum()
    assert found.sum() == pytest.approx(1.0)
    assert (found >= weights[asked] - 1e-12).all()


def test_where_all_were_asked_each_answers_for_itself():
    weights = np.array([0.5, 0.2, 0.3])
    assert answering_for(weights, np.ones(3, dtype=bool)).tolist() == pytest.approx([0.5, 0.2, 0.3])


def test_documents_of_one_size_share_what_was_not_asked_evenly():
    asked = np.arange(400) < 100
    assert answering_for(np.full(400, 1 / 400), asked) == pytest.approx(np.full(100, 0.01))


def test_equal_sizes_that_differ_by_rounding_share_evenly_too():
    weights = np.full(300, 1 / 300) * (1 + 1e-15 * np.arange(300))
    assert answering_for(weights, np.arange(300) < 100) == pytest.approx(np.full(100, 0.01))


def test_a_large_document_is_answered_for_by_the_largest_alone():
    weights = np.array([0.005] * 100 + [0.1] + [0.4])
    asked = np.array([True] * 101 + [False])
    found = answering_for(weights, asked)
    assert found[-1] == pytest.approx(0.5)
    assert found[:-1] == pytest.approx(np.full(100, 0.005))


def test_small_documents_do_not_share_the_weight_of_a_large_one_among_them():
    found = answering_for(np.array([0.006] * 100 + [0.4]), np.arange(101) < 100)
    assert found.max() == pytest.approx(0.406)
