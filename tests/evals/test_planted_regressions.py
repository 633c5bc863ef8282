import numpy as np
import pytest

from configs.errors import EvidenceError
from evals.planted_regressions import Population, spoiled
from evals.stats.totals import metric_value


@pytest.fixture
def recorded(evaluation_of):
    """Two systems that disagree on some of 150 documents of two rows each."""
    rng = np.random.default_rng(1)
    made = []
    for name, share in (("candidate", 0.2), ("baseline", 0.3)):
        missed = np.where(rng.random(300) < share, 3, 0)
        made.append(evaluation_of(name, tp=5 - missed, fn=missed, rows_per_document=2))
    return made


def test_a_spoiled_answer_finds_nothing_and_claims_nothing(recorded):
    empty = spoiled(recorded[0])
    for name in ("micro_f1", "micro_recall", "valid_json", "micro_f1.problems"):
        assert metric_value(empty.frame, empty.metric(name)) == 0
    assert (empty.frame["fn"] == 5).all()
    assert recorded[0].frame["tp"].sum() > 0


@pytest.mark.parametrize("regression", [0.02, 0.05, 0.2])
def test_the_planted_regression_has_the_size_asked_for(recorded, regression):
    population = Population(*recorded)
    metric = recorded[0].metric("micro_f1")
    share = population.spoiled_share(metric, regression)
    rng = np.random.default_rng(2)
    differences = []
    for _ in range(300):
        [candidate], reference = population.draw(share, rng, 1)
        differences.append(
            metric_value(candidate.frame, metric) - metric_value(reference.frame, metric)
        )
    error = np.std(differences) / np.sqrt(len(differences))
    assert np.mean(differences) == pytest.approx(-regression, abs=4 * error)


def test_an_a_a_pair_disagrees_as_often_as_the_recorded_systems_but_takes_no_side(recorded):
    population = Population(*recorded)
    rng = np.random.default_rng(3)
    [candidate], reference = population.draw(0.0, rng, 1)
    recorded_share = (recorded[0].frame["tp"] != recorded[1].frame["tp"]).mean()
    drawn_share = (candidate.frame["tp"] != reference.frame["tp"]).mean()
    assert drawn_share == pytest.approx(recorded_share, abs=0.1)
    assert list(candidate.frame["id"]) == list(reference.frame["id"])


def test_documents_stay_whole(recorded):
    [candidate], _ = Population(*recorded).draw(0.5, np.random.default_rng(4), 1)
    assert (candidate.frame.groupby("cluster").size() == 2).all()
    assert candidate.clusters == 150


def test_a_metric_that_cannot_fall_so_far_is_an_error(evaluation_of):
    low = [evaluation_of(name, tp=np.arange(60) % 30 == 0, fn=5) for name in ("a", "b")]
    with pytest.raises(EvidenceError, match=r"expected scores that can fall by 0\.5"):
        Population(*low).spoiled_share(low[0].metric("micro_f1"), 0.5)
