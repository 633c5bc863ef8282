"""Forms and editors show descriptions: the range of a number belongs into them."""

import pytest
from pydantic import Field

from configs.strict_model import StrictModel


class Numbers(StrictModel):
    between: int = Field(ge=1, le=4)
    """Both ends."""
    above: float = Field(gt=0)
    """An open end."""
    fraction: float = Field(ge=0, lt=1)
    """One end open."""
    optional: int | None = Field(default=None, ge=2)
    """May be empty."""
    free: int = 0
    """Any number."""
    text: str = Field(default="", max_length=3)
    """No number."""
    undescribed: int = Field(default=5, le=9)


@pytest.mark.parametrize(
    ("field", "description"),
    [
        ("between", "Both ends. Range: at least 1 and at most 4."),
        ("above", "An open end. Range: more than 0."),
        ("fraction", "One end open. Range: at least 0 and less than 1."),
        ("optional", "May be empty. Range: at least 2."),
        ("free", "Any number."),
        ("text", "No number."),
        ("undescribed", "Range: at most 9."),
    ],
)
def test_a_range_is_told_in_the_description(field, description):
    assert Numbers.model_json_schema()["properties"][field]["description"] == description
