import json

import numpy as np
import pytest

from configs.errors import DataError
from evals.judge.human_labels import human_fractions, labelled_pairs, read_human_labels

LINE = {"id": "r1", "input": "q", "answer": "a", "scores": {"quality": 3}, "cluster": "d"}


def write(tmp_path, *lines):
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_labels_are_read_in_the_order_of_the_file(tmp_path, rubric):
    path = write(tmp_path, LINE, LINE | {"id": "r2", "answer": "b", "cluster": ""})
    one, other = read_human_labels(path, rubric)
    assert (one.answer, one.document, one.scores) == ("a", "d", {"quality": 3})
    assert (other.answer, other.document) == ("b", "r2")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"scores": {"quality": 5}}, "expected one of 0, 1, 2, 3, 4 for quality, got 5"),
        ({"scores": {"tone": 1}}, "expected scores of quality, got tone"),
        ({"scores": {}}, "expected scores of quality, got none"),
        ({"score": 1}, "score"),
        ({"input": ""}, "input"),
        ({"answer": "b", "input": "p"}, "expected input, reference and cluster of 'r1' as before"),
        ({}, "expected each answer once, got one to 'r1' again"),
    ],
)
def test_a_label_that_cannot_be_used_is_named_by_its_line(tmp_path, rubric, change, problem):
    with pytest.raises(DataError, match="line 2") as caught:
        read_human_labels(write(tmp_path, LINE, LINE | change), rubric)
    assert problem in str(caught.value)


def test_a_file_without_labels_is_refused(tmp_path, rubric):
    with pytest.raises(DataError, match="got none"):
        read_human_labels(write(tmp_path), rubric)
    with pytest.raises(DataError, match="expected readable human labels"):
        read_human_labels(tmp_path / "absent.jsonl", rubric)


def test_answers_to_one_row_form_pairs(tmp_path, rubric):
    lines = [LINE | {"answer": text} for text in "abc"] + [LINE | {"id": "r2"}]
    pairs = labelled_pairs(read_human_labels(write(tmp_path, *lines), rubric))
    assert [pair.answers for pair in pairs] == [("a", "b"), ("b", "c")]
    assert {pair.cluster for pair in pairs} == {"d"}


def test_a_label_counts_only_for_the_text_that_was_labelled(tmp_path, rubric):
    labels = read_human_labels(write(tmp_path, LINE), rubric)
    found = human_fractions(labels, rubric, "quality", ["r1", "r1", "r2"], ["a", "a ", "a"])
    np.testing.assert_array_equal(found, [0.75, np.nan, np.nan])
