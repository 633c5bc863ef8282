import numpy as np

from finetune.data_checks.intervals import share_of_rows


def test_intervals_of_clustered_rows_cover_the_truth():
    """Documents of five rows that agree mostly; the true share is one half."""
    rng = np.random.default_rng(1)
    covered = 0
    for run in range(200):
        chance = np.repeat(rng.beta(0.5, 0.5, size=60), 5)
        hits = (rng.random(300) < chance).tolist()
        number = share_of_rows("share", hits, [str(i // 5) for i in range(300)], seed=run)
        covered += number.low <= 0.5 <= number.high
    assert covered / 200 > 0.95 - 3 * np.sqrt(0.05 * 0.95 / 200)


def test_none_of_few_documents_is_not_certainly_none():
    number = share_of_rows("share", [False] * 30, [str(i // 10) for i in range(30)], seed=0)
    assert (number.value, number.low, number.n) == (0, 0, 3)
    assert number.high > 0.6
