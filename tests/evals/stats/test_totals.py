import numpy as np
import pandas as pd
import pytest

from configs.errors import EvidenceError
from evals.metric import Metric, f1_ratio, mean_metric
from evals.stats.totals import cluster_sums, metric_of_sums, metric_value

MACRO = Metric(name="macro_f1", ratios=(f1_ratio(".a"), f1_ratio(".b"), f1_ratio(".c")))


def value(evaluation, name):
    return metric_value(evaluation.frame, evaluation.metric(name))


def classes(**counts):
    """Macro-F1 frame of one row; counts are (tp, fp, fn) per class, zeros unless given."""
    frame = {"id": ["r0"], "cluster": ["d0"]}
    for name in "abc":
        for part, count in zip(("tp", "fp", "fn"), counts.get(name, (0, 0, 0)), strict=True):
            frame[f"{part}.{name}"] = [count]
    return pd.DataFrame(frame)


def test_micro_metrics_pool_counts_over_rows(evaluation_of):
    found = evaluation_of(tp=[3, 0, 1], fp=[1, 0, 2], fn=[0, 2, 1])
    # pooled: tp 4, fp 3, fn 3
    assert value(found, "micro_precision") == pytest.approx(4 / 7)
    assert value(found, "micro_recall") == pytest.approx(4 / 7)
    assert value(found, "micro_f1") == pytest.approx(8 / 14)
    assert value(found, "micro_f1.problems") == pytest.approx(8 / 14)


def test_shares_are_means_over_rows(evaluation_of):
    found = evaluation_of(tp=[1] * 4, valid=[True, True, False, True], rows_per_document=3)
    assert value(found, "valid_json") == 0.75


def test_nothing_to_find_and_nothing_found_is_full_marks(evaluation_of):
    assert value(evaluation_of(tp=[0, 0]), "micro_f1") == 1.0
    assert value(evaluation_of(tp=[0, 0], fp=[0, 1]), "micro_f1") == 0.0


def test_a_model_that_claims_nothing_has_no_precision_to_boast_of(evaluation_of):
    assert value(evaluation_of(tp=[0] * 40, fn=[2] * 40), "micro_precision") == 0.0


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"a": (2, 0, 0), "b": (0, 1, 1)}, 0.5),
        ({"a": (2, 0, 0), "b": (1, 0, 2)}, 0.75),
        ({"a": (2, 0, 0), "b": (1, 0, 2), "c": (0, 0, 3)}, 0.5),
        ({}, 1.0),
    ],
    ids=["one wrong", "one absent class is left out", "a missed class counts as 0", "nothing"],
)
def test_macro_f1_is_the_mean_over_classes_with_something_to_count(counts, expected):
    assert metric_value(classes(**counts), MACRO) == pytest.approx(expected)


def test_macro_f1_is_that_of_scikit_learn():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(2)
    gold, said = rng.choice(list("abc"), 90), rng.choice(list("abc"), 90)
    columns = {}
    for name in "abc":
        columns[f"tp.{name}"] = (gold == name) & (said == name)
        columns[f"fp.{name}"] = (gold != name) & (said == name)
        columns[f"fn.{name}"] = (gold == name) & (said != name)
    frame = pd.DataFrame({"id": np.arange(90), "cluster": np.arange(90) // 4, **columns})
    assert metric_value(frame, MACRO) == pytest.approx(f1_score(gold, said, average="macro"))


def test_sums_stand_in_the_order_of_the_sorted_keys(evaluation_of):
    found = evaluation_of(tp=[1, 2, 3, 4], fp=[0, 1, 0, 1], rows_per_document=2)
    sums = cluster_sums(found.frame[::-1], found.metric("micro_f1"))
    assert sums.tolist() == [[6, 7, 0], [14, 15, 0]]


def test_many_totals_are_turned_into_metrics_at_once(evaluation_of):
    metric = evaluation_of(tp=[1]).metric("micro_f1")
    totals = np.array([[[4, 8, 1], [0, 0, 0]], [[0, 0, 2], [0, 3, 0]]])
    assert metric_of_sums(metric, totals).tolist() == [[0.5, 1.0], [0.0, 0.0]]


@pytest.mark.parametrize("bad", [np.nan, np.inf, None])
def test_a_score_that_is_no_number_is_refused_by_row(evaluation_of, bad):
    frame = evaluation_of(tp=[1, 1, 1]).frame
    frame["rouge"] = pd.Series([0.5, bad, 0.4], dtype=object)
    with pytest.raises(EvidenceError, match=r"rouge: expected a finite score.* in 1: r1"):
        metric_value(frame, mean_metric("rouge"))


@pytest.mark.parametrize("bad", [np.nan, None, ""])
def test_a_row_without_a_document_is_refused_by_name(evaluation_of, bad):
    found = evaluation_of(tp=[1, 1, 1])
    found.frame.loc[[0, 2], "cluster"] = bad
    with pytest.raises(EvidenceError, match=r"cluster: expected the key .* in 2: r0, r2"):
        value(found, "micro_f1")


def test_an_absent_column_is_named(evaluation_of):
    with pytest.raises(EvidenceError, match="got none of rouge"):
        metric_value(evaluation_of(tp=[1]).frame, mean_metric("rouge"))


def test_an_unknown_metric_is_refused(evaluation_of):
    with pytest.raises(EvidenceError, match="bleu"):
        value(evaluation_of(tp=[1]), "bleu")
