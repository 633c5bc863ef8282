from dataclasses import dataclass

import numpy as np
import pytest

from benchmarks.simulated_systems import KINDS, draw_pair
from evals.documents_needed import further_documents
from evals.stats.binary import TangoLaw
from evals.stats.contributions import Contributions
from evals.stats.paired import paired_difference
from evals.stats.skew_corrected import SkewCorrectedLaw


@dataclass
class Bounds:
    """Made up for the arithmetic."""

    value: float
    low: float
    high: float
    rows: int
    clusters: int
    method: str = "made up"


def test_without_a_law_further_documents_follow_the_square_root():
    # Half-width 0.06 at 100 documents, 0.03 from the threshold: (0.06 / 0.03)^2 * 100 = 400 for
    # an even chance, times ((1.645 + 0.842) / 1.645)^2 = 2.285 for a chance of 80%.
    near = Bounds(value=-0.02, low=-0.08, high=0.04, rows=200, clusters=100)
    assert further_documents(near, None, -0.05, 0.05) == pytest.approx(400 * 2.285 - 100, abs=3)
    below = Bounds(value=-0.08, low=-0.14, high=-0.02, rows=200, clusters=100)
    assert further_documents(below, None, -0.05, 0.05) == further_documents(near, None, -0.05, 0.05)


@pytest.mark.parametrize("law", [None, TangoLaw(5, 10, 100)])
def test_no_number_settles_a_value_on_the_threshold(law):
    at = Bounds(value=-0.05, low=-0.1, high=0.0, rows=200, clusters=100)
    assert further_documents(at, law, -0.05, 0.05) is None


def test_no_number_is_named_where_ten_thousand_times_the_documents_would_not_do():
    near = Bounds(value=-0.04999, low=-0.12, high=0.02, rows=100, clusters=100)
    assert further_documents(near, TangoLaw(5, 9.999, 100), -0.05, 0.05) is None


def test_without_a_loss_as_many_equal_documents_are_needed_as_show_the_margin():
    same = Contributions(0.0, np.zeros(40), np.full(40, 1 / 40))
    law = SkewCorrectedLaw(same)
    equal = Bounds(0.0, law.low(0.05), law.high(0.05), 40, 40)
    # 1 - 0.05^(1 / n) < 0.02 from n = 149 on.
    assert 40 + further_documents(equal, law, -0.02, 0.05) == pytest.approx(149, abs=1)


@pytest.mark.parametrize(
    ("clustered", "difference", "margin"),
    [(False, 0.0, 0.05), (True, 0.0, 0.02), (False, -0.1, 0.05), (True, 0.01, 0.015)],
    ids=["as good", "as good, clustered", "clearly worse", "better, clustered"],
)
def test_the_number_named_settles_the_check_with_a_chance_of_about_four_fifths(
    clustered, difference, margin
):
    """Draw so many documents of a pair whose true effect is the one that the number was named for."""
    kind, few = KINDS["accuracy"], 200 if clustered else 100
    rng = np.random.default_rng(31)

    def drawn(documents):
        pair = draw_pair(kind, difference, documents, clustered=clustered, rng=rng)
        return paired_difference(*pair, "accuracy", alpha=0.05)

    # The law of few documents that are distributed just as the many are.
    many = drawn(20_000)
    law = many.law.times(few / 20_000)
    seen = Bounds(many.value, law.low(0.05), law.high(0.05), few, few)
    assert seen.low < -margin < seen.high
    total = few + further_documents(seen, law, -margin, 0.05)
    settled = [
        found.low > -margin if difference > -margin else found.high < -margin
        for found in (drawn(total) for _ in range(250))
    ]
    assert 0.7 < np.mean(settled) < 0.9
