import numpy as np
import pytest

from configs.errors import EvidenceError
from evals.judge.position_bias import position_bias
from evals.judge.prompts import Pair
from tests.evals.judge.conftest import honest, verdict


def pairs(count, seed=0):
    rng = np.random.default_rng(seed)
    return [
        Pair(f"p{i}", f"d{i}", f"q{i}", "gold", (f"quality {a}", f"quality {b}"))
        for i, (a, b) in enumerate(rng.integers(0, 5, (count, 2)).tolist())
    ]


def measured(judge_that, think, count=40, **changes):
    judge, _ = judge_that(think, **changes)
    asked = pairs(count)
    return position_bias(asked, judge.compare(asked), alpha=0.05)


def test_an_honest_judge_has_no_flips_but_few_pairs_do_not_prove_it(judge_that):
    found = measured(judge_that, honest)
    assert found.flips.value == 0 < found.flips.high < 0.2
    assert found.first_place.value == 0
    assert (found.pairs, found.clusters) == (40, 40)


def test_a_judge_that_takes_the_first_answer_flips_always(judge_that):
    found = measured(judge_that, lambda texts: verdict("first"))
    assert found.flips.value == found.first_place.value == 1
    assert found.first_place.low > 0.8


def test_a_judge_that_takes_the_second_answer_when_in_doubt_leans_that_way(judge_that):
    def doubtful(texts):
        one, other = (int(text.split()[1]) for text in texts[2:])
        return honest(texts) if abs(one - other) > 1 else verdict("second")

    found = measured(judge_that, doubtful)
    assert 0.2 < found.flips.low < found.flips.value < found.flips.high < 1
    assert found.first_place.high < 0


def test_a_comparison_that_cannot_be_read_counts_as_a_flip(judge_that):
    found = measured(
        judge_that,
        lambda texts: "?" if texts[0] == "q3" else honest(texts),
        unreadable_tolerance=0.1,
    )
    assert found.flips.value == pytest.approx(1 / 40)


def test_without_pairs_there_is_nothing_to_measure():
    with pytest.raises(EvidenceError, match="expected pairs"):
        position_bias([], [], alpha=0.05)
