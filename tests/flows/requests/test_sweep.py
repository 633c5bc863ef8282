import pytest

from configs.errors import ConfigError
from configs.load import load_lifecycle
from configs.named_files import SHIPPED
from configs.sweep import RandomSearch, load_sweep
from flows.requests.sweep import SweepRequest, sweep_of


def test_a_form_left_as_it_is_gives_the_sweep_as_declared():
    assert sweep_of(SweepRequest()) == (load_sweep("demo-lora"), load_lifecycle("demo"))


def test_what_is_filled_in_replaces_what_is_declared():
    request = SweepRequest.model_validate(
        {
            "space": {"learning_rate": {"low": 0.001, "high": 0.01}},
            "search": {"kind": "random", "trials": 3},
            "max_parallel": 2,
            "changes": {"seed": 5},
        }
    )
    sweep, lifecycle = sweep_of(request)
    assert sweep.search == RandomSearch(kind="random", trials=3)
    assert (sweep.space.rank, sweep.space.learning_rate.high) == ((), 0.01)
    assert (sweep.max_parallel, lifecycle.seed) == (2, 5)


def test_a_range_for_the_grid_that_the_file_declares_is_refused_in_words():
    space = {"learning_rate": {"low": 0.001, "high": 0.01}}
    with pytest.raises(ConfigError, match="expected a list for a grid, got a range"):
        sweep_of(SweepRequest.model_validate({"space": space}))


def test_the_form_lists_the_sweeps_that_there_are():
    listed = SweepRequest.model_json_schema()["properties"]["sweep"]["enum"]
    assert set(listed) == {path.stem for path in (SHIPPED / "sweeps").glob("*.yaml")}
