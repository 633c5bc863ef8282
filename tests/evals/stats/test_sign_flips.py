import doctest
from itertools import product
from statistics import NormalDist

import numpy as np
import pytest
from scipy.stats import binomtest, permutation_test

import evals.stats.sign_flips as module
from evals.stats.pooled import mcnemar_worse, minimum_detectable_drop
from evals.stats.sign_flips import detectable_drop, sign_flip_test


def enumerated(gains):
    """p-values from all 2^n signs."""
    sums = np.array([np.dot(signs, gains) for signs in product((1, -1), repeat=len(gains))])
    total = float(np.sum(gains))
    worse = float((sums <= total + 1e-9).mean())
    return worse, float((np.abs(sums) >= abs(total) - 1e-9).mean())


def test_examples_of_the_docstrings():
    found = doctest.testmod(module)
    assert found.attempted > 5
    assert found.failed == 0


@pytest.mark.parametrize(
    "gains",
    [
        [-1, -1, 1],
        [-3, -1, 1, 0],
        [2, -2, 2, -1, 1, -1, 5],
        [0.25, -0.5, 0.75, -0.25, -1.0],  # multiples of one unit
        [0.1, -0.37, 0.52, -0.9, -0.31],  # of none
        [np.sqrt(2), -1.0, -np.pi, -0.1],
    ],
)
def test_few_documents_are_those_of_every_sign(gains):
    found = sign_flip_test(np.array(gains), seed=0)
    worse, two_sided = enumerated(gains)
    assert found.p_worse == pytest.approx(worse)
    assert found.p_two_sided == pytest.approx(two_sided)
    assert found.method.startswith("exact")


@pytest.mark.parametrize("units", [1.0, 0.2, 1 / 3])
def test_single_right_or_wrong_answers_give_mcnemars_test(units):
    gains = np.repeat([-units, units, 0.0], [163, 130, 2000])
    found = sign_flip_test(gains, seed=0)
    assert found.p_worse == pytest.approx(mcnemar_worse(163, 130))
    assert found.p_two_sided == pytest.approx(binomtest(163, 293).pvalue)


def test_large_counts_by_fft_are_those_of_direct_sums():
    rng = np.random.default_rng(5)
    gains = rng.integers(-5, 6, 4000).astype(float)
    whole = sign_flip_test(gains, seed=0)
    assert whole.method.startswith("exact")
    spread = np.sqrt((gains**2).sum())
    # The sum has this spread and is a lattice of step 2 or 1: a normal law is near.
    assert whole.p_worse == pytest.approx(NormalDist().cdf((gains.sum() + 1) / spread), abs=0.01)


def test_drawn_signs_agree_with_scipy_and_are_those_of_the_seed():
    gains = np.random.default_rng(2).normal(-0.15, 1, 60)
    found = sign_flip_test(gains, seed=3)
    assert "20,000 draws" in found.method
    assert found == sign_flip_test(gains, seed=3) != sign_flip_test(gains, seed=4)
    theirs = permutation_test(
        (gains,), np.sum, permutation_type="samples", alternative="less",
        n_resamples=20_000, random_state=np.random.default_rng(1),
    )  # fmt: skip
    assert found.p_worse == pytest.approx(theirs.pvalue, abs=0.015)
    theirs = permutation_test(
        (gains,), np.sum, permutation_type="samples", n_resamples=20_000,
        random_state=np.random.default_rng(1),
    )  # fmt: skip
    assert found.p_two_sided == pytest.approx(theirs.pvalue, abs=0.02)


def test_a_drawn_p_value_is_never_zero():
    gains = -np.random.default_rng(0).uniform(0.5, 1, 50)
    assert sign_flip_test(gains, seed=0, draws=99).p_worse == 0.01


@pytest.mark.parametrize("kind", ["lattice", "few", "many"])
def test_order_scale_and_unchanged_documents_do_not_matter(kind):
    rng = np.random.default_rng(1)
    gains = {
        "lattice": rng.integers(-3, 4, 80).astype(float),
        "few": rng.normal(size=9),
        "many": rng.normal(size=80),
    }[kind]
    first = sign_flip_test(gains, seed=0)
    scaled = sign_flip_test(np.append(7.5 * gains, np.zeros(30)), seed=0)
    assert scaled.p_worse == pytest.approx(first.p_worse, abs=1e-9)
    assert scaled.p_two_sided == pytest.approx(first.p_two_sided, abs=1e-9)
    mixed = sign_flip_test(rng.permutation(gains), seed=0)
    assert mixed.p_worse == pytest.approx(first.p_worse, abs=0.02 if kind == "many" else 1e-9)


def test_rows_of_one_document_count_as_one_flip():
    rows = np.full(10, -1.0)
    documents = rows.reshape(2, 5).sum(axis=1)
    assert sign_flip_test(rows, seed=0).p_worse == pytest.approx(2**-10)
    assert sign_flip_test(documents, seed=0).p_worse == pytest.approx(0.25)


def test_nothing_changed_is_no_evidence():
    found = sign_flip_test(np.zeros(40), seed=0)
    assert (found.p_worse, found.p_two_sided) == (1.0, 1.0)


def test_gains_that_are_no_numbers_and_no_draws_are_refused():
    with pytest.raises(ValueError, match="finite"):
        sign_flip_test(np.array([1.0, np.nan]), seed=0)
    with pytest.raises(ValueError, match="draws"):
        sign_flip_test(np.array([1.0]), seed=0, draws=0)


def test_the_detectable_drop_is_found_about_that_often():
    rng = np.random.default_rng(8)
    sizes, documents, rows_each = 3, 400, 3
    changed = rng.random((2000, documents)) < 0.2
    rows = np.full(documents, float(rows_each))
    plain = np.where(rng.random((2000, documents)) < 0.5, sizes, -sizes) * changed
    drop = detectable_drop(plain[0], rows, alpha=0.05)
    lean = drop * rows_each / (0.2 * sizes)
    shifted = np.where(rng.random((2000, documents)) < (1 + lean) / 2, -sizes, sizes) * changed
    found = [sign_flip_test(gains, seed=0).p_worse <= 0.05 for gains in shifted[:600]]
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_without_noise_the_detectable_drop_is_that_of_losses_alone():
    found = detectable_drop(np.zeros(300), np.ones(300), alpha=0.05)
    assert found == minimum_detectable_drop(300, 0.0, alpha=0.05)
    assert detectable_drop(np.zeros(3), np.ones(3), alpha=0.05) is None
