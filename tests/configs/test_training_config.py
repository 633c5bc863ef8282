"""How fine-tuning is run, which is no part of what it makes."""

import pytest
from pydantic import ValidationError

from configs.lifecycle import LifecycleConfig
from configs.named_files import SHIPPED
from configs.yaml_file import read_yaml


def declared(**training):
    return LifecycleConfig.model_validate(
        read_yaml(SHIPPED / "lifecycles" / "demo.yaml") | {"training": training}
    )


def test_it_is_not_part_of_the_recipe():
    four = declared(launcher="accelerate", processes=4)
    assert four.training.processes == 4
    assert four.model_dump(mode="json") == declared().model_dump(mode="json")


@pytest.mark.parametrize(
    ("training", "message"),
    [
        ({"processes": 2}, "expected 'accelerate' for 2 processes, got 'auto'"),
        (
            {"launcher": "accelerate", "processes": 3},
            "expected a multiple of the 3 training.processes, got 8",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(training, message):
    with pytest.raises(ValidationError, match=message):
        declared(**training)
