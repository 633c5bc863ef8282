"""Step 7b: wait for the people whom the gate's policy asks, over restarts of everything.

A deployment's run is suspended: no process is left, and a worker takes it up again from the top when
somebody answers, which is cheap because every step is cached by content. A run in a terminal ends,
and `pawl approve` does the rest.

Does: ask, record the answer, promote or end. Does not: judge who may approve (registry/approvals.py).
"""

from __future__ import annotations

import itertools
import time
from typing import Literal

from prefect import runtime
from prefect.flow_runs import suspend_flow_run
from prefect.input import RunInput
from prefect.logging import get_run_logger
from pydantic import ConfigDict, Field, ValidationError

from configs.lifecycle import RegistryConfig
from flows.approval_expiry import end_wait_after, keep_waiting_no_more
from flows.approval_page import approval_markdown, question_markdown
from flows.home import model_store
from flows.pawl_events import announce, approval_event, promotion_event
from flows.step_cache import StepOutcome
from flows.steps.champion import registry_may_come_back
from flows.steps.gate import read_decision
from flows.steps.step_state import publish, result_of, step
from registry.approval_requests import (
    MOST_REASON_CHARACTERS,
    approval_standing,
    give_verdict,
    promote_approved,
)
from registry.approvals import Standing
from registry.promotion import Promoted

GRACE_S = 86_400
"""After the end of the time for approval, Prefect's own timeout, which marks a run as failed."""
ENDED = {"rejected": "approval rejected", "expired": "approval expired"}
"""Outcome of the run by how its approval stands in the end."""


class ApprovalForm(RunInput):
    """What a person answers in the dialog of Resume."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    verdict: Literal["approve", "reject"]
    """Approve: it becomes champion once enough people approve. Reject: final for this version."""

    your_name: str = Field(min_length=1, max_length=200)
    """Who you are, for the audit trail."""

    reason: str = Field(min_length=1, max_length=MOST_REASON_CHARACTERS)
    """Why, for whoever reads the audit trail later."""


def settle_approval(
    registry: RegistryConfig, asked: Promoted, decided: StepOutcome
) -> tuple[Promoted, str]:
    """Wait for people and do what they say; called by a flow, which it may suspend.

    Args:
        asked: what the registry did with the decided candidate, which may await approval.
        decided: outcome of the gate.
    Returns:
        What happened in the registry, and the outcome of the run: the gate's own if nobody is asked or
        people approved, else `awaiting approval`, `approval rejected` or `approval expired`.
    Raises:
        RegistryError: when MLflow is unreachable, or another champion came while people thought.
    """
    outcome = str(decided.result["outcome"])
    if not asked.awaiting_approval:
        _wait_no_more()
        return asked, outcome
    objection = ""
    for number in itertools.count():
        stands: Standing = result_of(look_at_approval(registry, asked.version, decided, objection))
        if stands.status == "approved":
            _wait_no_more()
            return result_of(promote_with_approval(registry, asked.version, stands)), outcome
        if stands.status in ENDED:
            _wait_no_more()
            summary = f"{asked.model} version {asked.version} was not promoted: {stands.missing}."
            ended = asked.model_copy(update={"awaiting_approval": False, "summary": summary})
            return ended, ENDED[stands.status]
        if not may_suspend():
            summary = (
                f"{asked.summary} {stands.missing}, until {stands.expires}: "
                f"`pawl approve {asked.model} {asked.version}`."
            )
            return asked.model_copy(update={"summary": summary}), "awaiting approval"
        digest = read_decision(decided).digest.removeprefix("sha256:")
        key = f"approval-{asked.model}-{digest[:12]}-{number}"
        answer = _ask(asked, stands, decided, objection, key)
        if answer is None:
            objection = "it was empty"
            continue
        token = f"{runtime.flow_run.id} {key}"
        objection = result_of(record_answer(registry, asked.version, answer.model_dump(), token))
    raise AssertionError("an endless loop returns or raises")


def may_suspend() -> bool:
    """Whether this run can be taken up again by a worker: it is a deployment's, and no subflow."""
    return bool(runtime.deployment.id) and not runtime.flow_run.parent_flow_run_id


def _wait_no_more() -> None:
    if may_suspend():
        keep_waiting_no_more(str(runtime.flow_run.id))


def _ask(
    asked: Promoted, stands: Standing, decided: StepOutcome, objection: str, key: str
) -> ApprovalForm | None:
    """Suspend the run until somebody answers; the answer of an earlier suspension comes at once.

    Returns:
        None if the run was scheduled again without an answer.
    """
    remaining_s = max(0.0, stands.expires_ms / 1000 - time.time())
    end_wait_after(str(runtime.flow_run.id), remaining_s)
    question = question_markdown(
        asked.model,
        asked.version,
        stands,
        read_decision(decided).reasons,
        decided.result["score_header"],
        decided.result["score_rows"],
        objection,
    )
    form = ApprovalForm.with_initial_data(description=question)
    try:
        return suspend_flow_run(
            wait_for_input=form, timeout=int(remaining_s) + GRACE_S, key=key
        )  # fmt: skip
    except ValidationError:
        return None


@step(
    name="look at approval",
    task_run_name="look at approval of {registry.model_name} version {version}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def look_at_approval(
    registry: RegistryConfig, version: int, decided: StepOutcome, objection: str
) -> Standing:
    """Read how the approval stands, and tell people.

    Args:
        objection: why the last answer did not count; empty if it did.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    now_ms = int(time.time() * 1000)
    name = registry.model_name
    stands = approval_standing(model_store(), name, version, registry.alias, now_ms)
    get_run_logger().info("approval: %s %s", stands.status, stands.missing)
    publish(
        "approval",
        approval_markdown(name, version, stands, objection),
        "Who approves, and what is missing",
    )
    if stands.status == "waiting":
        digest = read_decision(decided).digest
        announce(approval_event(name, version, digest, stands.missing, stands.expires))
    return stands


@step(
    name="record answer",
    task_run_name="record answer about {registry.model_name} version {version}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def record_answer(
    registry: RegistryConfig, version: int, answer: dict[str, str], token: str
) -> str:
    """Enter an answer in the ledger, once.

    Returns:
        Why it does not count, one clause; empty if it does.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    form = ApprovalForm.model_validate(answer)
    if not form.your_name.strip() or not form.reason.strip():
        objection = "it lacks a name or a reason"
    else:
        given = give_verdict(
            model_store(),
            registry.model_name,
            version,
            registry.alias,
            form.verdict,
            form.your_name,
            form.reason,
            token,
        )
        objection = given.objection or ""
    if objection:
        get_run_logger().warning("approval: the answer does not count: %s", objection)
    return objection


@step(
    name="promote with approval",
    task_run_name="promote {registry.model_name} version {version}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def promote_with_approval(registry: RegistryConfig, version: int, stands: Standing) -> Promoted:
    """Make the approved version champion.

    Args:
        stands: who asked and who approved.
    Raises:
        RegistryError: when MLflow is unreachable, the time for approval ended just now, or another
            champion came first.
    """
    store = model_store()
    promoted = promote_approved(store, registry.model_name, version, registry.alias)
    get_run_logger().info("promote: %s", promoted.summary)
    publish(
        "promote", f"## {promoted.model}\n\n{promoted.summary}", "What happened in the registry"
    )
    approved = f"approved by {', '.join(stands.approved_by)}"
    announce(promotion_event(promoted, ", ".join(stands.requested_by), approved))
    return promoted
