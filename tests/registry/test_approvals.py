"""Who may approve what, by when: judged without any store."""

import random

import pytest

from configs.approval import Approval
from registry.approvals import ApprovalEntry, Subject, standing

SUBJECT = Subject(
    version=3, alias="champion", decision_digest="sha256:d", weights_digest="sha256:w"
)
HOUR = 3_600_000
RULES = Approval(expires_hours=10)


class Book:
    """A ledger being written; times in hours."""

    def __init__(self):
        self.entries = []

    def add(self, kind, actor, hour, reason="looked at it", **changes):
        facts = {"number": len(self.entries) + 1, "kind": kind, "actor": actor, "reason": reason,
                 "written_ms": round(hour * HOUR), **SUBJECT.model_dump()}  # fmt: skip
        self.entries.append(ApprovalEntry(**facts | changes))
        return self

    def at(self, hour, rules=RULES):
        return standing(self.entries, rules, SUBJECT, round(hour * HOUR))


def asked(actor="ada", hour=0):
    return Book().add("request", actor, hour, reason="")


def test_it_waits_until_somebody_else_approves():
    book = asked()
    before = book.at(1)
    assert (before.status, before.requested_by) == ("waiting", ("ada",))
    assert before.missing == "1 more approval is needed, by anybody but whoever asked"
    after = book.add("approve", "Grace", 2).at(3)
    assert (after.status, after.missing, after.approved_by) == ("approved", "", ("Grace",))


@pytest.mark.parametrize("name", ["ada", " ADA ", "Ada"])
def test_the_requester_cannot_approve_under_any_spelling(name):
    found = asked().add("approve", name, 1).at(2)
    assert found.status == "waiting"
    assert "asked for this run, and someone else must approve" in found.objections[2]


def test_who_approves_first_and_asks_later_is_a_requester_too():
    book = asked().add("approve", "grace", 1).add("request", "grace", 2, reason="")
    assert book.at(3).status == "waiting"


def test_without_four_eyes_the_requester_may():
    rules = RULES.model_copy(update={"four_eyes": False})
    assert asked().add("approve", "ada", 1).at(2, rules).status == "approved"


def test_two_approvals_are_two_people():
    rules = Approval(approvals=2, expires_hours=10)
    book = asked().add("approve", "grace", 1).add("approve", "GRACE", 2)
    once = book.at(3, rules)
    assert (once.status, once.approved_by) == ("waiting", ("grace",))
    assert "one person counts once" in once.objections[3]
    assert book.add("approve", "edsger", 4).at(5, rules).approved_by == ("grace", "edsger")


def test_only_named_approvers_count_and_the_missing_ones_are_named():
    rules = Approval(approvals=2, approvers=("Grace", "Edsger", "Ada"), expires_hours=10)
    book = asked().add("approve", "mallory", 1).add("approve", "grace", 2)
    found = book.at(3, rules)
    assert found.missing == "1 more approval is needed, by Edsger"
    assert found.objections[2] == "mallory is not among the approvers: Grace, Edsger, Ada"


def test_a_rejection_is_final_whatever_comes_after():
    book = asked().add("reject", "grace", 1, reason="it invents drugs").add("approve", "edsger", 2)
    book.add("request", "ada", 30, reason="").add("approve", "edsger", 31)
    found = book.at(32)
    assert (found.status, found.missing) == ("rejected", "grace rejected it: it invents drugs")
    assert found.objections[3] == "grace rejected it before"


def test_whoever_asked_may_withdraw_and_a_stranger_may_not_reject():
    rules = Approval(approvers=("grace",), expires_hours=10)
    assert asked().add("reject", "mallory", 1).at(2, rules).status == "waiting"
    assert asked().add("reject", "ada", 1).at(2, rules).status == "rejected"


def test_approvals_must_be_there_and_used_in_time():
    book = asked().add("approve", "grace", 9)
    assert book.at(10).status == "approved"
    assert book.at(10.001).status == "expired"
    late = asked().add("approve", "grace", 11).at(11)
    assert late.status == "expired"
    assert late.objections[2] == "the time for it ended at 1970-01-01T10:00:00Z"


def test_asking_again_in_time_prolongs_nothing():
    assert asked().add("request", "ada", 9, reason="").at(11).status == "expired"


def test_asking_again_after_the_end_starts_afresh_and_forgets_what_was_said():
    book = asked().add("approve", "grace", 9).add("request", "ada", 20, reason="")
    assert book.at(21).status == "waiting"
    assert book.add("approve", "grace", 22).at(23).status == "approved"


def test_nothing_counts_before_somebody_asks():
    book = Book().add("approve", "grace", 1)
    assert book.at(2).status == "not-asked"
    assert book.add("request", "ada", 3, reason="").at(4).status == "waiting"


@pytest.mark.parametrize(
    "other",
    [{"version": 4}, {"alias": "canary"}, {"decision_digest": "sha256:e"},
     {"weights_digest": "sha256:x"}],
)  # fmt: skip
def test_an_approval_of_anything_else_does_not_count(other):
    assert asked().add("approve", "grace", 1, **other).at(2).status == "waiting"


@pytest.mark.parametrize(("actor", "reason"), [("", "fine"), ("grace", " \n")])
def test_an_answer_without_name_or_reason_does_not_count(actor, reason):
    assert asked().add("approve", actor, 1, reason=reason).at(2).status == "waiting"


def test_attempts_decide_nothing_and_order_and_repetition_of_entries_do_not_matter():
    book = asked().add("attempt", "mallory", 1).add("approve", "grace", 2)
    expected = book.at(3)
    shuffled = book.entries * 2
    random.Random(5).shuffle(shuffled)
    assert standing(shuffled, RULES, SUBJECT, 3 * HOUR) == expected
    assert expected.status == "approved"


def test_the_last_request_tells_which_champion_it_was_about():
    book = asked().add("request", "ada", 1, reason="", champion_entry=7, flow_run="run-2")
    found = book.at(2)
    assert (found.champion_entry, found.flow_run, found.expires_ms) == (7, "run-2", 10 * HOUR)
