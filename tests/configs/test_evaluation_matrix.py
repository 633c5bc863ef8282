import pytest
from pydantic import ValidationError

from configs.errors import ConfigError
from configs.evaluation_matrix import MatrixConfig, load_matrix
from configs.named_files import SHIPPED

TINY = {"name": "tiny", "source": "pawl://tiny-clinical"}


@pytest.mark.parametrize(
    "file", sorted((SHIPPED / "matrices").glob("*.yaml")), ids=lambda f: f.stem
)
def test_matrices_that_ship_are_valid(file):
    assert load_matrix(file.stem).name == file.stem


def test_a_task_may_be_just_its_name():
    matrix = MatrixConfig(name="m", candidates=[TINY], tasks=["clinical-notes"])
    assert (matrix.tasks[0].task, matrix.tasks[0].data) == ("clinical-notes", None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"candidates": [TINY, TINY]}, r"got \['tiny'\] more often"),
        ({"tasks": ["a", "a"]}, r"got \['a'\] more often"),
        ({"candidates": []}, "at least 1"),
        ({"tasks": []}, "at least 1"),
        ({"parallel": 0}, "greater than or equal to 1"),
        ({"candidates": [{"name": "x", "source": "/weights"}]}, "should match pattern"),
    ],
)
def test_what_cannot_be_asked_is_refused(changes, message):
    content = {"name": "m", "candidates": [TINY], "tasks": ["a"]} | changes
    with pytest.raises(ValidationError, match=message):
        MatrixConfig.model_validate(content)


def test_a_matrix_that_is_not_there_is_named():
    with pytest.raises(ConfigError, match=r"nowhere: expected the path .* or one of .*tiny"):
        load_matrix("nowhere")
