import numpy as np
import pytest

from evals.stats.linearised import deviation, influence, paired_deviation
from evals.stats.totals import cluster_sums, metric_of_sums


@pytest.fixture
def pair(evaluation_of):
    rng = np.random.default_rng(8)
    made = []
    for name in ("candidate", "baseline"):
        missed = rng.integers(0, 4, size=240)
        made.append(evaluation_of(name, tp=5 - missed, fn=missed, fp=rng.integers(0, 3, size=240),
                                  rows_per_document=2))  # fmt: skip
    return made


def test_the_influence_is_what_leaving_a_document_out_changes(pair):
    metric = pair[0].metric("micro_f1")
    sums = cluster_sums(pair[0].frame, metric)
    total = sums.sum(axis=0)
    left_out = metric_of_sums(metric, total) - metric_of_sums(metric, total - sums)
    assert influence(metric, sums) == pytest.approx(left_out * (len(sums) - 1), abs=0.02)
    assert influence(metric, sums).mean() == pytest.approx(0, abs=1e-12)


def test_the_standard_error_agrees_with_the_bootstrap(pair):
    metric = pair[0].metric("micro_f1")
    sums = [cluster_sums(e.frame, metric) for e in pair]
    rng = np.random.default_rng(9)
    drawn = [rng.integers(120, size=120) for _ in range(3000)]
    gains = [
        metric_of_sums(metric, sums[0][d].sum(axis=0))
        - metric_of_sums(metric, sums[1][d].sum(axis=0))
        for d in drawn
    ]
    error = paired_deviation(*pair, metric) / np.sqrt(120)
    assert error == pytest.approx(np.std(gains), rel=0.08)


def test_identical_scores_have_no_spread(evaluation_of):
    same = evaluation_of("a", tp=[5] * 30)
    metric = same.metric("micro_f1")
    assert deviation(same, metric) == 0
    assert paired_deviation(same, same, metric) == 0


def test_nothing_to_count_has_no_influence(evaluation_of):
    empty = evaluation_of("a", tp=[0] * 30)
    metric = empty.metric("micro_f1")
    assert not influence(metric, cluster_sums(empty.frame, metric)).any()
