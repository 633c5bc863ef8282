import pytest

from configs.errors import ConfigError
from configs.load import load_lifecycle
from configs.named_files import SHIPPED
from configs.sweep import SweepConfig, load_sweep
from configs.validation import validate

SMALL = {"name": "small", "lifecycle": "demo", "space": {"rank": [8, 16]}}


def test_every_shipped_sweep_loads_by_path_and_by_name_and_names_a_lifecycle():
    paths = sorted((SHIPPED / "sweeps").glob("*.yaml"))
    assert paths
    for path in paths:
        found = load_sweep(str(path))
        assert found == load_sweep(path.stem)
        assert found.name == path.stem
        assert load_lifecycle(found.lifecycle)


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ({}, "expected values for one of rank, learning_rate"),
        ({"rank": [8, 8]}, r"rank: expected each value once, got \[8, 8\]"),
        ({"learning_rate": {"low": 0.001, "high": 0.01}}, "expected a list for a grid"),
        ({"rank": [0]}, "greater than or equal to 1"),
        ({"quantizations": ["int3"]}, "quantizations"),
    ],
)
def test_a_space_that_cannot_be_tried_is_refused(space, words):
    with pytest.raises(ConfigError, match=words):
        validate(SweepConfig, SMALL | {"space": space}, "small")


def test_a_range_must_have_its_ends_in_order():
    space = {"learning_rate": {"low": 0.01, "high": 0.001}}
    with pytest.raises(ConfigError, match="expected low below high"):
        validate(SweepConfig, SMALL | {"space": space, "search": {"kind": "random"}}, "small")
