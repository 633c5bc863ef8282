import pytest
from pydantic import ValidationError

from flows.requests.re_evaluate import ReEvaluateRequest

DIGEST = f"sha256:{'0' * 64}"


def test_an_empty_request_asks_about_every_champion_by_hand():
    request = ReEvaluateRequest()
    assert (request.model, request.source, request.reason) == (None, None, "manual")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"digest": DIGEST}, "expected none without a source"),
        ({"digest": "sha256:0", "source": "pawl://tiny"}, "should match pattern"),
        ({"source": "/weights"}, "should match pattern"),
        ({"reason": "boredom"}, "Input should be 'weights'"),
        ({"model": "Not a name"}, "should match pattern"),
        ({"modell": "notes"}, "Extra inputs"),
    ],
)
def test_what_cannot_be_followed_is_refused(content, message):
    with pytest.raises(ValidationError, match=message):
        ReEvaluateRequest.model_validate(content)


def test_the_request_of_an_event_goes_through_json_unchanged():
    request = ReEvaluateRequest(
        followed="hf://org/base@main", source="hf://org/base@c", digest=DIGEST, release_id="7-ab",
        reason="weights", requested_by="watch-weights",
    )  # fmt: skip
    assert ReEvaluateRequest.model_validate_json(request.model_dump_json()) == request
