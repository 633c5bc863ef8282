import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, f1_score

from configs.task import TaskConfig
from evals.evaluation import Evaluation
from evals.scorers.classification import ClassificationScorer, label_of
from evals.stats.estimates import estimate

LABELS = ("yes", "no", "not sure")
TASK = TaskConfig(name="t", kind="classification", labels=LABELS)
SCORER = ClassificationScorer()


def scored(answers, golds):
    rows = [{"target": gold} for gold in golds]
    frame = pd.DataFrame(SCORER.score_all(answers, rows, TASK))
    frame["id"] = frame["cluster"] = frame.index.astype(str)
    evaluation = Evaluation("s", "e", "t", "sha256:d", SCORER.metrics(TASK), frame)
    return lambda metric: estimate(evaluation, metric, resamples=50).value


@pytest.mark.parametrize(
    ("text", "label"),
    [
        (" Yes.\n", "yes"), ("NOT  SURE", "not sure"), ("yes, I think", None), ("", None),
        ("label: yes", None), ("yes no", None),
    ],
)  # fmt: skip
def test_only_an_answer_that_is_a_label_counts(text, label):
    assert label_of(text, TASK) == label


def test_f1_and_accuracy_agree_with_scikit_learn():
    golds = ["yes", "yes", "no", "not sure", "no", "yes", "no"]
    answers = ["yes", "no", "no", "not sure", "no", "not sure", "yes"]
    value = scored(answers, golds)
    assert value("accuracy") == pytest.approx(accuracy_score(golds, answers))
    assert value("macro_f1") == pytest.approx(f1_score(golds, answers, average="macro"))
    assert value("micro_f1") == pytest.approx(f1_score(golds, answers, average="micro"))
    for label, f1 in zip(
        LABELS, f1_score(golds, answers, average=None, labels=LABELS), strict=True
    ):
        assert value(f"micro_f1.{label}") == pytest.approx(f1)


def test_a_label_that_nobody_has_does_not_count_in_macro_f1():
    value = scored(["yes", "no"], ["yes", "yes"])
    assert value("macro_f1") == pytest.approx((2 / 3 + 0) / 2)


def test_an_answer_that_is_no_label_misses_the_gold_one_and_finds_nothing():
    columns = SCORER.columns("maybe", {"target": "no"}, TASK)
    assert (columns["accuracy"], columns["valid_label"]) == (False, False)
    assert (columns["tp"], columns["fp"], columns["fn"]) == (0, 0, 1)
    assert [columns[f"fn.{label}"] for label in LABELS] == [0, 1, 0]
    assert [columns[f"fp.{label}"] for label in LABELS] == [0, 0, 0]
    assert scored(["maybe", "no"], ["no", "no"])("valid_label") == 0.5
