from flows.watching.follow_up import FollowUp
from flows.watching.look import Look
from flows.watching.report import failures, watching_report
from tests.flows.test_release_events import release

LOOKS = [
    Look(
        "hf://org/a@main", "released", "hf://org/a@0a1b", "sha256:" + "c" * 64, "Release 3.", 1_000
    ),
    Look("s3://b/c", "failed", text="s3://b/c: refused. Check AWS_ACCESS_KEY_ID."),
    Look("gs://b/c", "rate limited", text="gs://b/c: a rate limit."),
]
FOLLOW_UPS = [
    FollowUp(release(), "failed", "Run `pawl deploy`."),
    FollowUp(release(), "in hand", "Run x."),
]


def test_each_source_has_a_row_with_revision_digest_state_and_time():
    report = watching_report("mine", LOOKS, FOLLOW_UPS)
    row = "| `hf://org/a@main` | released | `0a1b` | `sha256:cccccccccccc` | 1970-01-01T00:00:01Z |"
    assert row in report
    assert "| 3-0123456789ab | failed | Run `pawl deploy`. |" in report


def test_who_asked_is_named():
    assert "Asked for by ada." in watching_report("mine", LOOKS, [], "ada ")
    assert "Asked" not in watching_report("mine", LOOKS, [], " ")


def test_an_empty_list_says_what_to_do():
    report = watching_report("mine", [], [])
    assert "follow/mine.yaml" in report and "PAWL_CONFIGS" in report


def test_what_needs_a_person_is_listed_and_a_rate_limit_does_not():
    assert failures(LOOKS, FOLLOW_UPS) == [
        "s3://b/c: refused. Check AWS_ACCESS_KEY_ID.",
        "release 3-0123456789ab of hf://Org/Name@main: Run `pawl deploy`.",
    ]
