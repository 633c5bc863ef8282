import numpy as np
import pytest

from configs.errors import EvidenceError
from configs.rubric import RubricConfig
from evals.judge.human_labels import HumanLabel
from evals.judge.rectified_evaluation import judged_means, rectified_comparison


def labels_for(evaluation, quality, rows):
    frame = evaluation.frame
    return [
        HumanLabel(
            id=frame["id"][row], input="q", answer=frame["raw_output"][row],
            scores={"quality": int(quality[row])},
        )
        for row in rows
    ]  # fmt: skip


def test_a_judge_that_favours_the_candidate_is_corrected_by_people(judged_evaluation_of, rubric):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 4, 200)
    flattered = judged_evaluation_of("candidate", ((truth + 1) / 4).tolist())
    plain = judged_evaluation_of("reference", (truth / 4).tolist())
    rows = rng.permutation(200)[:50]
    labels = labels_for(flattered, truth, rows) + labels_for(plain, truth, rows)
    found = rectified_comparison(flattered, plain, rubric, "quality", labels, alpha=0.05)
    assert found.value == pytest.approx(0, abs=1e-9)
    assert found.low < 0 < found.high < 0.2
    assert (found.n_labelled, found.n) == (50, 200)
    (mean,) = judged_means(flattered, rubric, labels, alpha=0.05)
    assert mean.judge.low > truth.mean() / 4 + 0.1
    assert mean.rectified.low < truth.mean() / 4 < mean.rectified.high
    assert mean.rogan_gladen is None
    assert (mean.labelled, mean.rows, mean.clusters) == (50, 200, 200)


def test_unreadable_judgements_widen_the_interval_at_both_ends(judged_evaluation_of, rubric):
    scores = np.random.default_rng(0).integers(0, 5, 100) / 4
    unreadable = np.arange(100) < 10
    readable = judged_evaluation_of("a", scores.tolist())
    partly = judged_evaluation_of(
        "a", np.where(unreadable, 0.0, scores).tolist(), unreadable=unreadable.tolist()
    )
    (whole,), (wider,) = (judged_means(e, rubric, (), alpha=0.05) for e in (readable, partly))
    assert wider.judge.low < whole.judge.low < whole.judge.high < wider.judge.high
    assert wider.unreadable == 10
    assert wider.rectified is None


def test_a_pass_or_fail_criterion_is_checked_by_rogan_and_gladen(judged_evaluation_of):
    binary = RubricConfig.model_validate(
        {"name": "b", "criteria": [{"name": "quality", "description": "?",
                                    "scale": {0: "no", 1: "yes"}}],
         "prompt": "{criteria}{input}{answer}{form}"}
    )  # fmt: skip
    rng = np.random.default_rng(1)
    truth = (rng.random(300) < 0.5).astype(float)
    scores = np.where(rng.random(300) < 0.2, 1.0, truth)
    evaluation = judged_evaluation_of("a", scores.tolist())
    labels = labels_for(evaluation, truth, range(100))
    (mean,) = judged_means(evaluation, binary, labels, alpha=0.05)
    assert mean.rogan_gladen.value == pytest.approx(mean.rectified.value, abs=0.05)
    assert mean.rogan_gladen.low < truth.mean() < mean.rogan_gladen.high
    (unchecked,) = judged_means(evaluation, binary, labels[:2], alpha=0.05)
    assert unchecked.rectified is not None
    one_kind = [label for label in labels if label.scores["quality"] == 1]
    assert judged_means(evaluation, binary, one_kind, alpha=0.05)[0].rogan_gladen is None


def test_evaluations_of_other_rows_or_without_a_judge_are_refused(judged_evaluation_of, rubric):
    one, other = judged_evaluation_of("a", [0.5] * 3), judged_evaluation_of("b", [0.5] * 2)
    with pytest.raises(EvidenceError, match=r"a and b.*the same rows"):
        rectified_comparison(one, other, rubric, "quality", (), alpha=0.05)
    one.frame.drop(columns="judge.quality", inplace=True)
    with pytest.raises(EvidenceError, match=r"no column judge\.quality"):
        judged_means(one, rubric, (), alpha=0.05)
