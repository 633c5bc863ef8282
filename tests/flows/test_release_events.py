import json

from flows.release_events import announce_release, event_id, payload_of, request_of, resource_of
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.releases import Release

DIGEST = "sha256:" + "a" * 64


def release(**changes):
    facts = {
        "number": 3, "after": 1, "followed": "hf://Org/Name@main", "source": "hf://Org/Name@0a",
        "digest": DIGEST, "announce": True, "token": "0123456789abcdef" * 2, "released_ms": 5,
    }  # fmt: skip
    return Release(**facts | changes)


def test_the_request_in_the_payload_is_one_that_re_evaluate_takes():
    payload = json.loads(json.dumps(payload_of(release())))
    request = ReEvaluateRequest.model_validate(payload["request"])
    assert request == request_of(release())
    assert (request.release_id, request.reason) == ("3-0123456789ab", "weights")
    assert (request.source, request.digest) == ("hf://Org/Name@0a", DIGEST)
    assert payload["release"]["release_id"] == "3-0123456789ab"


def test_the_event_is_matched_by_what_is_followed():
    assert resource_of(release()) == {
        "prefect.resource.id": "pawl.weights.hf-org-name-main",
        "prefect.resource.name": "hf://Org/Name@main",
        "pawl.followed": "hf://Org/Name@main",
        "pawl.digest": DIGEST,
    }


def test_a_release_is_one_event_however_often_it_is_emitted():
    assert event_id(release()) == event_id(release(source="hf://Org/Name@0b"))
    assert event_id(release()) != event_id(release(number=4))
    assert event_id(release()) != event_id(release(token="f" * 32))


def test_a_feed_that_cannot_be_reached_stops_nothing(monkeypatch, caplog):
    def broken(*arguments, **options):
        raise RuntimeError("no feed")

    monkeypatch.setattr("prefect.events.emit_event", broken)
    announce_release(release())
    assert "The release 3-0123456789ab was not announced: no feed" in caplog.text
