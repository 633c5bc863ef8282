"""Ask people to approve a promotion, record what they say, and promote what they approved.

Does: register the candidate as challenger with a request, append verdicts, move the alias once
enough people agree. Does not: reach the people (flows/steps/approval.py) or authenticate them.
"""

from __future__ import annotations

from typing import Literal

from configs.approval import Approval
from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.approval_ledger import (
    append_approval,
    policy_of,
    read_approvals,
    standing_at,
    subject_of,
)
from registry.approvals import ApprovalEntry, Standing, standing
from registry.evidence import read_promote_decision
from registry.promotion import (
    CHALLENGER,
    Promoted,
    PromotionPlan,
    champion_already,
    promote_registered,
    register,
    require_who_and_why,
)
from registry.records import VersionRecord
from registry.store import ModelStore

Verdict = Literal["approve", "reject"]
MOST_REASON_CHARACTERS = 2000


class Answer(StrictModel):
    """What became of one person's verdict."""

    entry: ApprovalEntry
    standing: Standing
    """When it was written."""
    objection: str | None
    """Why it does not count, one clause; None if it does."""


def request_promotion(store: ModelStore, plan: PromotionPlan, flow_run: str) -> Promoted:
    """Register a candidate that the gate promotes as challenger, and ask for approval.

    Repeated by the same run, it adds nothing.

    Args:
        plan: its `actor` is who asked for the run, and may not approve under four-eyes.
        flow_run: what marks the run that asks.
    Returns:
        Awaiting approval; or that the candidate's bytes are champion already, and nothing is asked.
    Raises:
        RegistryError: as `promote_version`, but for the approval.
    """
    if (champion := champion_already(store, plan)) is not None:
        return champion
    record = register(store, plan)
    head = plan.expected_head or 0
    append_approval(
        store,
        plan.model,
        ApprovalEntry(
            number=0,
            kind="request",
            actor=plan.actor,
            reason="",
            champion_entry=head,
            flow_run=flow_run,
            token=f"request {flow_run} {record.version} {plan.alias} {head}",
            **subject_of(record, plan.alias).model_dump(),
        ),
    )
    if store.alias(plan.model, CHALLENGER) != record.version:
        store.set_alias(plan.model, CHALLENGER, record.version)
    return Promoted(
        model=plan.model,
        version=record.version,
        moved=False,
        awaiting_approval=True,
        summary=f"{plan.model} version {record.version} passed the gate, is recorded as {CHALLENGER} "
        f"and awaits approval; {plan.alias} did not move.",
    )


def approval_standing(
    store: ModelStore, model: str, version: int, alias: str, now_ms: int
) -> Standing:
    """Where the approval of a version stands.

    Args:
        now_ms: milliseconds since 1970; before the last entry, that entry's time is taken.
    Raises:
        RegistryError: when its decision is not `promote` or asks nobody, or MLflow is unreachable.
    """
    record, policy = _asked(store, model, version)
    entries = read_approvals(store, model)
    latest = max((entry.written_ms for entry in entries), default=0)
    return standing(entries, policy, subject_of(record, alias), max(now_ms, latest))


def give_verdict(
    store: ModelStore,
    model: str,
    version: int,
    alias: str,
    verdict: Verdict,
    actor: str,
    reason: str,
    token: str = "",
) -> Answer:
    """Record what a person says about a version; it is kept even if it does not count.

    Args:
        token: what marks this answer; given again, nothing is added. Empty: always a new answer.
    Raises:
        RegistryError: when actor or reason are blank or the reason is longer than 2000 characters
            (nothing is recorded then), or as `approval_standing`.
    """
    require_who_and_why(model, actor, reason)
    if len(reason) > MOST_REASON_CHARACTERS:
        raise RegistryError(
            f"reason of a verdict on {model} version {version}",
            f"expected at most {MOST_REASON_CHARACTERS} characters, got {len(reason)}",
            "Say it more briefly.",
        )
    record, policy = _asked(store, model, version)
    subject = subject_of(record, alias)
    entry = append_approval(
        store,
        model,
        ApprovalEntry(
            number=0,
            kind=verdict,
            actor=actor.strip(),
            reason=reason.strip(),
            token=token,
            **subject.model_dump(),
        ),
    )
    stands = standing_at(read_approvals(store, model), policy, subject, entry)
    return Answer(entry=entry, standing=stands, objection=stands.objections.get(entry.number))


def promote_approved(store: ModelStore, model: str, version: int, alias: str) -> Promoted:
    """Make a version champion in the name of who asked for it, once enough people approved.

    Raises:
        RegistryError: when they did not, their time is over, or the champion that the decision was
            made against is no longer the champion.
    """
    record = store.version(model, version)
    requests = [
        entry
        for entry in read_approvals(store, model)
        if entry.kind == "request" and entry.subject == subject_of(record, alias)
    ]
    asked_by = requests[-1].actor if requests else "nobody"
    promoted = promote_registered(
        store, model, version, alias, asked_by, record.tag("decision_reason")
    )
    if store.alias(model, CHALLENGER) == version:
        store.delete_alias(model, CHALLENGER)
    return promoted


def _asked(store: ModelStore, model: str, version: int) -> tuple[VersionRecord, Approval]:
    record = store.version(model, version)
    policy = policy_of(read_promote_decision(store, record))
    if policy is None:
        raise RegistryError(
            f"approval of {model} version {version}",
            "expected a decision whose policy asks for approval, got one that asks nobody",
            "`pawl promote` promotes it.",
        )
    return record, policy
