"""What people said about promoting one version, and what follows from it.

Entries are append-only: a request opens a window of time, approvals in it count, a rejection ends
it for good. Every entry is kept, whether it counts or not, and judged by the policy in the decision
that it is about, so that nobody can relax the policy afterwards.

Does: judge entries by policy and time; pure. Does not: talk to MLflow (registry/approval_ledger.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from configs.approval import Approval, person
from configs.strict_model import StrictModel
from registry.records import iso_time

Status = Literal["not-asked", "waiting", "approved", "rejected", "expired"]


class Subject(StrictModel):
    """What an approval is about; one about anything else does not count."""

    version: int
    alias: str
    """Alias that the version is to get."""
    decision_digest: str
    weights_digest: str


class ApprovalEntry(StrictModel):
    """One line of the ledger, written once and never changed."""

    number: int
    """Position in the log, from 1; the version number in MLflow."""
    kind: Literal["request", "approve", "reject", "attempt"]
    """`attempt`: somebody tried to promote, whatever came of it."""
    version: int
    alias: str
    decision_digest: str
    weights_digest: str
    actor: str
    """Who; for a request, who asked for the run."""
    reason: str
    """Why; empty for a request."""
    champion_entry: int = 0
    """For a request: ledger entry (0 for none) whose champion the decision was made against."""
    flow_run: str = ""
    """For a request: id of the Prefect run that waits for the answer."""
    token: str = ""
    """Mark by which a writer knows its own entry."""
    written_ms: int = Field(default=0, ge=0)
    """When, by MLflow's clock: milliseconds since 1970."""

    @property
    def subject(self) -> Subject:
        """What it is about."""
        return Subject(
            version=self.version,
            alias=self.alias,
            decision_digest=self.decision_digest,
            weights_digest=self.weights_digest,
        )

    @property
    def written(self) -> str:
        """When, as ISO 8601 in UTC."""
        return iso_time(self.written_ms)


class Standing(StrictModel):
    """Where the approval of one version stands at one moment."""

    status: Status
    missing: str
    """What it takes to be approved, or why it cannot be any more; empty when approved."""
    requested_by: tuple[str, ...] = ()
    approved_by: tuple[str, ...] = ()
    """Whose approvals count, in order."""
    rejection: ApprovalEntry | None = None
    champion_entry: int = 0
    """As of the last request."""
    flow_run: str = ""
    """As of the last request."""
    expires_ms: int = 0
    """End of the window of the last request; milliseconds since 1970, 0 without a request."""
    objections: dict[int, str] = Field(default_factory=dict)
    """Number of every approval or rejection that does not count -> why, one clause."""

    @property
    def expires(self) -> str:
        """End of the window, as ISO 8601 in UTC."""
        return iso_time(self.expires_ms)


def standing(
    entries: Iterable[ApprovalEntry], policy: Approval, subject: Subject, now_ms: int
) -> Standing:
    """Judge what was said about a subject.

    Whoever asked, however often and in whatever order, is a requester. A request while a window is
    open does not prolong it; one after its end opens a new window, in which nothing said before
    counts. Requesters may reject (withdraw) what they asked for.

    Args:
        entries: of any subject and in any order; giving one twice makes no difference.
        policy: of the decision that the subject names.
        now_ms: the moment, by MLflow's clock, in milliseconds since 1970.
    """
    mine = sorted(
        {entry.number: entry for entry in entries if entry.subject == subject}.values(),
        key=lambda entry: entry.number,
    )
    requests = [entry for entry in mine if entry.kind == "request"]
    requesters = {person(entry.actor) for entry in requests}
    end_ms: int | None = None
    approvals: dict[str, ApprovalEntry] = {}
    rejection: ApprovalEntry | None = None
    objections: dict[int, str] = {}
    for entry in mine:
        if entry.kind == "request":
            if end_ms is None or entry.written_ms > end_ms:
                end_ms, approvals = entry.written_ms + policy.expires_ms, {}
            continue
        if entry.kind == "attempt":
            continue
        objection = _objection(entry, policy, requesters, end_ms, approvals)
        if objection is None and rejection is not None:
            objection = f"{rejection.actor} rejected it before"
        if objection is not None:
            objections[entry.number] = objection
        elif entry.kind == "reject":
            rejection = entry
        else:
            approvals[person(entry.actor)] = entry
    last = requests[-1] if requests else None
    found = {
        "requested_by": _distinct(requests),
        "approved_by": _distinct(list(approvals.values())),
        "rejection": rejection,
        "champion_entry": last.champion_entry if last else 0,
        "flow_run": last.flow_run if last else "",
        "expires_ms": end_ms or 0,
        "objections": objections,
    }
    status, missing = _status(policy, requesters, end_ms, list(approvals), rejection, now_ms)
    return Standing.model_validate({"status": status, "missing": missing, **found})


def _objection(
    entry: ApprovalEntry,
    policy: Approval,
    requesters: set[str],
    end_ms: int | None,
    approvals: dict[str, ApprovalEntry],
) -> str | None:
    who = person(entry.actor)
    if not who or not entry.reason.strip():
        return "it lacks a name or a reason"
    if end_ms is None:
        return "nobody had asked for approval yet"
    if entry.written_ms > end_ms:
        return f"the time for it ended at {iso_time(end_ms)}"
    asked = who in requesters
    if not policy.may_decide(entry.actor) and not (entry.kind == "reject" and asked):
        return f"{entry.actor} is not among the approvers: {', '.join(policy.approvers)}"
    if entry.kind == "approve" and policy.four_eyes and asked:
        return f"{entry.actor} asked for this run, and someone else must approve"
    if entry.kind == "approve" and who in approvals:
        return f"{entry.actor} approved already, and one person counts once"
    return None


def _status(
    policy: Approval,
    requesters: set[str],
    end_ms: int | None,
    approved: list[str],
    rejection: ApprovalEntry | None,
    now_ms: int,
) -> tuple[Status, str]:
    if rejection is not None:
        return "rejected", f"{rejection.actor} rejected it: {rejection.reason}"
    if end_ms is None:
        return "not-asked", "nobody has asked for approval; run its lifecycle again"
    if now_ms > end_ms:
        return "expired", f"the time for approval ended at {iso_time(end_ms)}"
    lacking = policy.approvals - len(approved)
    if lacking <= 0:
        return "approved", ""
    eligible = [n for n in policy.others_than(requesters) if person(n) not in approved]
    by = "anybody"
    if policy.approvers:
        by = ", ".join(eligible)
    elif policy.four_eyes:
        by = "anybody but whoever asked"
    many = "approval is" if lacking == 1 else "approvals are"
    return "waiting", f"{lacking} more {many} needed, by {by}"


def _distinct(entries: Sequence[ApprovalEntry]) -> tuple[str, ...]:
    return tuple({person(entry.actor): entry.actor for entry in entries}.values())
