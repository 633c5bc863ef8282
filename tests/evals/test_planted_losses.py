import numpy as np
import pytest

from evals.planted_losses import LOSS_KINDS, NotPlanted, plant
from evals.stats.totals import metric_of_sums


@pytest.fixture
def recorded(evaluation_of):
    """Two systems on 150 documents of two rows each, with two fields and a slice."""
    rng = np.random.default_rng(1)
    made = []
    for name, share in (("candidate", 0.2), ("baseline", 0.3)):
        missed = np.where(rng.random(300) < share, 3, 0)
        made.append(
            evaluation_of(
                name,
                tp=5 - missed,
                fn=missed,
                rows_per_document=2,
                slices=["rare" if n % 10 == 0 else "usual" for n in range(300)],
            )
        )
        frame = made[-1].frame
        for count in ("tp", "fp", "fn"):
            frame[f"{count}.drugs"] = frame[count] * (np.arange(300) % 4 == 0)
            frame[f"{count}.problems"] = frame[count] - frame[f"{count}.drugs"]
    return made


@pytest.mark.parametrize("kind", LOSS_KINDS)
def test_every_kind_lowers_the_metric_by_what_is_asked(recorded, kind):
    metric = recorded[0].metric("micro_f1")
    planted = plant(kind, *recorded, metric, 0.04)
    assert not isinstance(planted, NotPlanted)
    view = planted.recorded.view(metric)
    rng = np.random.default_rng(2)
    differences = []
    for _ in range(400):
        drawn = planted.draw(rng, 1)
        ours, theirs = (answers.sums(view).sum(axis=0) for answers in drawn.pairs[0][0])
        differences.append(metric_of_sums(metric, ours) - metric_of_sums(metric, theirs))
    error = np.std(differences) / np.sqrt(len(differences))
    assert np.mean(differences) == pytest.approx(-0.04, abs=4 * error)


def test_losses_stay_where_they_are_planted(recorded):
    metric = recorded[0].metric("micro_f1")
    slice_loss = plant("one slice", *recorded, metric, 0.04)
    assert slice_loss.where == "note_type = rare"
    whole, _, lost, _ = (version.frame for version in slice_loss.recorded.versions)
    assert (lost["tp"][whole["slice.note_type"] == "usual"] > 0).any()
    assert (lost["tp"][whole["slice.note_type"] == "rare"] == 0).all()
    field_loss = plant("one class or field", *recorded, metric, 0.04)
    assert field_loss.where == "drugs"
    lost = field_loss.recorded.versions[2].frame
    assert (lost["tp"] == lost["tp.problems"]).all()
    burst = plant("bursts", *recorded, metric, 0.04)
    assert burst.chance < 0.1


def test_more_documents_are_at_risk_where_a_tenth_cannot_carry_the_loss(recorded):
    metric = recorded[0].metric("micro_f1")
    assert plant("largest documents", *recorded, metric, 0.04).at_risk.sum() == 15
    assert plant("largest documents", *recorded, metric, 0.3).at_risk.sum() > 15


def test_what_cannot_carry_the_loss_is_said(recorded):
    found = plant("one slice", *recorded, recorded[0].metric("micro_f1"), 0.99)
    assert isinstance(found, NotPlanted)
    assert "nor note_type = usual alone" in found.why
    assert (
        "false items do not count"
        in plant("bursts", *recorded, recorded[0].metric("micro_recall"), 0.04).why
    )
