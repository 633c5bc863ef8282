import pytest

from configs.baseline import EndpointBaseline
from configs.errors import ConfigError
from configs.validation import validate

ENDPOINT = {"kind": "endpoint", "base_url": "http://big:8000/v1", "model": "big"}


def endpoint(**changes):
    return validate(EndpointBaseline, ENDPOINT | changes, "baseline")


def test_answers_never_expire_and_cost_nothing_known_unless_said():
    read = endpoint()
    assert (read.revision, read.price, read.max_age_days) == (None, None, None)


def test_prices_are_per_million_tokens_in_a_currency():
    read = endpoint(price={"input_per_million": 0.5, "output_per_million": 1.5, "currency": "EUR"})
    assert read.price.output_per_million == 1.5
    assert read.price.currency == "EUR"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"price": {"input_per_million": -1, "output_per_million": 1}}, "price.input_per_million"),
        ({"price": {"input_per_million": 1}}, "price.output_per_million"),
        ({"max_age_days": 0}, "max_age_days"),
        ({"max_age_days": float("inf")}, "max_age_days"),
        ({"base_url": "big:8000"}, "base_url"),
    ],
)
def test_what_cannot_be_is_refused_by_field(changes, field):
    with pytest.raises(ConfigError, match=field):
        endpoint(**changes)
