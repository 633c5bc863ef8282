"""Re-evaluation of one champion: its recipe, run again on what is new, unless nothing is.

Does: find out cheaply whether anything changed, before any heavy library is loaded; then hand over to
the lifecycle. Does not: choose the models (flows/deployed/re_evaluate.py).
"""

from __future__ import annotations

from typing import Literal

from prefect import runtime
from prefect.logging import get_run_logger
from pydantic import BaseModel

from configs.canonical_json import digest_json
from configs.lifecycle import LifecycleConfig
from configs.validation import validate
from flows.evidence_facts import base_digest_now, facts_now
from flows.lifecycle_summary import LifecycleSummary
from flows.re_evaluation.once import CAME_TO_NOTHING, GONE, in_other_hands, state_of
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.alias_ledger import read_ledger
from registry.claims import holder_of
from registry.confirmations import confirm, decided_evidence
from registry.dependents import Dependent
from registry.ledger import LedgerState
from registry.staleness import DecidedEvidence, EvidenceFacts, answers
from registry.store import ModelStore


class ReEvaluated(BaseModel):
    """What became of one champion."""

    model: str
    kind: Literal["decided", "unchanged", "in other hands", "started", "failed"]
    text: str
    """One sentence."""
    summary: LifecycleSummary | None = None
    """Of the lifecycle, if it ran."""


def rebased(dependent: Dependent, request: ReEvaluateRequest) -> LifecycleConfig:
    """The champion's recipe on the weights that are asked about.

    Raises:
        ConfigError: when this Pawl does not understand the recipe any more.
    """
    recipe = dict(dependent.recipe)
    if request.source is not None:
        recipe["base_model"] = {"source": request.source, "digest": request.digest}
    where = f"recipe of {dependent.model} version {dependent.record.version}"
    return validate(LifecycleConfig, recipe, where)


def facts_of_question(
    config: LifecycleConfig, dependent: Dependent, request: ReEvaluateRequest
) -> EvidenceFacts:
    """What the answer would rest on. A digest that the weights must have stands for reading them.

    Raises:
        ConfigError: when the task's file is gone or broken.
        WeightsError: when the weights cannot be had.
    """
    digest = config.base_model.digest
    if request.source is None or digest is None:
        same = config.base_model.source == dependent.record.tag("base_source")
        digest = base_digest_now(config, dependent.record.tag("base_digest") if same else "")
    return facts_now(config, digest)


def claim_key(
    request: ReEvaluateRequest, dependent: Dependent, facts: EvidenceFacts
) -> str:  # fmt: skip
    """What one run claims: the release's question, or this very question, about one model."""
    head = dependent.state.head_number
    asked = request.release_id or digest_json({"facts": facts.model_dump(), "head": head})
    name = dependent.model
    if dependent.alias != "champion":
        name += f"@{dependent.alias}"
    return f"re-evaluate/{asked}/{name}"


def re_evaluate_one(
    store: ModelStore, dependent: Dependent, request: ReEvaluateRequest
) -> ReEvaluated:
    """Decide anew about one champion, if there is anything new and no other run does so.

    Args:
        request: checked; source and digest are followed, the rest is for the audit trail.
    Raises:
        PawlError: of the step that could not go on.
    """
    config = rebased(dependent, request)
    facts = facts_of_question(config, dependent, request)
    key = claim_key(request, dependent, facts)
    run_id = str(runtime.flow_run.id)
    actor = request.requested_by.strip() or f"re-evaluation ({request.reason})"
    holder = holder_of(store, key)
    # A run that was suspended for approval starts from the top: what it decided itself is no answer.
    if holder != run_id:
        answered = answers(decided_evidence(store, dependent.model), facts, dependent.state)
        if answered is not None and not _left_undone(answered, dependent.state, holder):
            return _unchanged(store, dependent, facts, answered, actor)
    if (other := in_other_hands(store, key, run_id)) is not None:
        return ReEvaluated(
            model=dependent.model, kind="in other hands", text=f"Nothing was done: {other}."
        )
    get_run_logger().info(
        "%s: running its recipe %s on %s", dependent.model, config.name, config.base_model.source
    )
    from flows.lifecycle import run_lifecycle

    # Unnamed if nobody said: where four eyes are asked for, the lifecycle refuses that.
    summary = run_lifecycle(config, request.requested_by)
    champion = read_ledger(store, dependent.model, dependent.alias).version
    assert champion is not None, "a ledger that had a champion never loses it"
    confirm(store, dependent.model, champion, facts, summary.outcome, actor)
    return ReEvaluated(
        model=dependent.model,
        kind="decided",
        text=f"{summary.outcome}: {summary.registry}",
        summary=summary,
    )


def _left_undone(answered: DecidedEvidence, state: LedgerState, holder: str | None) -> bool:
    """Whether a promotion was decided by a run that came to nothing before it was made."""
    made = any(entry.version == answered.version for entry in state.effective)
    if holder is None or made or answered.confirmed or answered.outcome != "promote":
        return False
    return state_of(holder)[0] in (*CAME_TO_NOTHING, GONE)


def _unchanged(
    store: ModelStore,
    dependent: Dependent,
    facts: EvidenceFacts,
    answered: DecidedEvidence,
    actor: str,
) -> ReEvaluated:
    version = _champion_of(dependent.state)
    confirm(store, dependent.model, version, facts, "unchanged", actor)
    return ReEvaluated(
        model=dependent.model,
        kind="unchanged",
        text=(
            f"Unchanged: {dependent.model} was decided on exactly these inputs before (outcome "
            f"{answered.outcome}); its champion, version {version}, stays, and nothing was computed."
        ),
    )


def _champion_of(state: LedgerState) -> int:
    assert state.version is not None, "only models with a champion are re-evaluated"
    return state.version
