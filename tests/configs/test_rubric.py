import pytest
from pydantic import ValidationError

from configs.rubric import Criterion, RubricConfig

PASS_FAIL = {"name": "right", "description": "Is it right?", "scale": {0: "no", 1: "yes"}}


def rubric(**changes):
    content = {
        "name": "test", "criteria": [PASS_FAIL],
        "prompt": "{criteria} {input} {reference} {answer} {form}",
    } | changes  # fmt: skip
    return RubricConfig.model_validate(content)


def refusal(make, **changes):
    with pytest.raises(ValidationError) as caught:
        make(**changes)
    return str(caught.value)


def criterion(**changes):
    return Criterion.model_validate(PASS_FAIL | changes)


@pytest.mark.parametrize(
    "scale", [{0: "a", 2: "b"}, {1: "a", 0: "b"}, {0: "only"}, {0: "a", 1: ""}, {0: "a", "x": "b"}]
)
def test_a_scale_without_an_anchor_for_every_level_in_order_is_refused(scale):
    assert "scale" in refusal(criterion, scale=scale)


def test_scores_are_mapped_to_the_unit_interval():
    stars = criterion(scale={1: "bad", 2: "poor", 3: "fair", 4: "good", 5: "best"})
    assert [stars.fraction(level) for level in stars.levels] == [0, 0.25, 0.5, 0.75, 1]


def test_a_criterion_named_twice_is_refused():
    assert "expected each criterion once" in refusal(rubric, criteria=[PASS_FAIL, PASS_FAIL])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prompt": "{criteria} {input} {form}"}, "expected the placeholder {answer}"),
        ({"prompt": "{input} {answer} {form}"}, "expected the placeholder {criteria}"),
        ({"prompt": "{criteria} {input} {answer}"}, "expected the placeholder {form}"),
        ({"prompt": "{criteria} {answer} {form}"}, "expected {input} or {reference}"),
        ({"prompt": "{criteria} {text} {answer} {form}"}, "got {text}"),
        ({"pair_prompt": "{criteria} {input} {first} {form}"}, "expected the placeholder {second}"),
    ],
)
def test_a_prompt_that_does_not_show_what_is_graded_is_refused(changes, message):
    assert message in refusal(rubric, **changes)
