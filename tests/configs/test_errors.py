import pickle

import pytest

from configs import errors
from configs.errors import ConfigError, PawlError

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type)]


def test_every_error_is_a_pawl_error_and_there_are_some():
    assert len(KINDS) > 5
    assert all(issubclass(kind, PawlError) for kind in KINDS)


def test_the_text_is_where_problem_action():
    error = ConfigError("gate.margin", "expected a fraction in (0, 1), got 85", "Write 0.85.")
    assert str(error) == "gate.margin: expected a fraction in (0, 1), got 85. Write 0.85."


@pytest.mark.parametrize(
    ("problem", "shown"),
    [
        ("got 85", "got 85."),
        ("got 85.", "got 85."),
        ("did you mean 'rank'?", "did you mean 'rank'?"),
    ],
)
def test_a_problem_ends_with_one_mark(problem, shown):
    assert str(ConfigError("lora", problem, "Go.")) == f"lora: {shown} Go."


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_survives_the_way_between_processes(kind):
    error = kind("where", "problem", "Action.")
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert (copy.where, copy.problem, copy.action) == ("where", "problem", "Action.")
    assert str(copy) == str(error)
