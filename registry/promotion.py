"""Register versions with their evidence, and move the champion through the ledger.

Does: promote on a `promote` decision only, and with the approval that its policy asks for; record a
challenger otherwise, roll back with who and why. A rollback restores what was promoted so before,
and asks nobody. Does not: compute a decision (it arrives as JSON and its digest is recomputed here).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from configs.canonical_json import digest_json
from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.alias_ledger import append, project, read_ledger
from registry.approval_ledger import require_approval
from registry.digests import digest_directory
from registry.evidence import attach_evidence, read_promote_decision
from registry.ledger import LedgerEntry, LedgerState
from registry.mlflow_runs import ARTIFACT_DIRECTORY
from registry.records import LINEAGE_TAGS, VersionRecord
from registry.store import ModelStore
from registry.weight_store import keep_weights

CHALLENGER = "challenger"
SHOWN_REASON_CHARACTERS = 500


class PromotionPlan(StrictModel):
    """Everything that is to be registered about one decided candidate."""

    model: str
    alias: str
    candidate: str
    weights_directory: Path
    kept_directory: Path
    """Directory below which registered weights are kept, by digest."""
    lineage: dict[str, str]
    recipe: dict[str, Any]
    """The lifecycle as declared; its digest is the lineage's `config_digest`."""
    decision: dict[str, Any]
    reasons: tuple[str, ...] = Field(min_length=1)
    metrics: dict[str, float]
    attachments: tuple[Path, ...]
    actor: str
    score_table: str = ""
    """Markdown shown on the version's page below the reasons."""
    expected_head: int | None = None
    """Ledger entry (0 for none) whose champion the decision was made against. The promotion is
    refused if the head is another by now. Empty: against whatever is the head at the promotion."""

    @property
    def decision_digest(self) -> str:
        """Recomputed, never taken on trust."""
        return digest_json(self.decision)

    @property
    def description(self) -> str:
        """Markdown for the version's page."""
        reasons = "\n".join(f"- {reason}" for reason in self.reasons)
        return f"{reasons}\n\n{self.score_table}".rstrip()


class Promoted(StrictModel):
    """What happened."""

    model: str
    version: int
    moved: bool
    """Whether the alias moved; False when the version was champion already, or is a challenger."""
    entry: int | None = None
    """Ledger entry that makes it champion; None for a challenger."""
    awaiting_approval: bool = False
    """Whether it becomes champion as soon as the people whom the policy asks for approve."""
    summary: str
    """One sentence."""


def register(store: ModelStore, plan: PromotionPlan) -> VersionRecord:
    """The version of this candidate under this decision; registered unless it exists.

    Raises:
        RegistryError: when the lineage is incomplete, the recipe or an attached decision is another one, or MLflow
            is unreachable.
        PinError: when there are no weights, or those kept under their digest were changed.
    """
    if missing := set(LINEAGE_TAGS) - plan.lineage.keys():
        raise RegistryError(
            plan.model, f"expected lineage {sorted(missing)}, got none", "Run the lifecycle again."
        )
    if digest_json(plan.recipe) != plan.lineage["config_digest"]:
        raise RegistryError(
            f"recipe of {plan.model}",
            f"expected digest {plan.lineage['config_digest']}, got {digest_json(plan.recipe)}",
            "Run the lifecycle again.",
        )
    store.create_model(plan.model)
    directory, manifest = keep_weights(plan.weights_directory, plan.kept_directory)
    for known in store.versions(plan.model):
        same = (manifest.digest, plan.decision_digest)
        if (known.tags.get("weights_digest"), known.tags.get("decision_digest")) == same:
            return known
    run_id = store.start_run(f"{plan.model} {plan.candidate}", {"pawl.step": "register"})
    store.log_metrics(run_id, plan.metrics, 0)
    attach_evidence(store, run_id, plan.decision, manifest, plan.recipe, plan.attachments)
    store.end_run(run_id, "FINISHED")
    tags = {
        **plan.lineage,
        "candidate": plan.candidate,
        "weights_digest": manifest.digest,
        "weights_location": directory.as_uri(),
        "decision_digest": plan.decision_digest,
        "decision_outcome": str(plan.decision["outcome"]),
        "decision_reason": plan.reasons[0][:SHOWN_REASON_CHARACTERS],
    }
    # Evidence first, version last: a crash in between leaves a run that nothing refers to.
    source = f"runs:/{run_id}/{ARTIFACT_DIRECTORY}"
    return store.create_version(plan.model, source, tags, plan.description, run_id)


def promote_version(store: ModelStore, plan: PromotionPlan) -> Promoted:
    """Register the candidate and make it champion; nothing changes if its bytes are champion already.

    Raises:
        RegistryError: when the decision is not `promote`, does not promote this candidate, actor or
            reason are blank (nothing is registered then), its policy asks for approval that is not
            there (registry/approval_requests.py asks for it), or another promotion won the race.
    """
    if (champion := champion_already(store, plan)) is not None:
        return champion
    version = register(store, plan)
    return promote_registered(
        store,
        plan.model,
        version.version,
        plan.alias,
        plan.actor,
        plan.reasons[0],
        plan.expected_head,
    )


def champion_already(store: ModelStore, plan: PromotionPlan) -> Promoted | None:
    """What happened if the candidate's bytes are champion already; None if it is to be promoted.

    Raises:
        RegistryError: when the decision is not `promote`, does not promote this candidate, or actor
            or reason are blank.
    """
    if plan.decision.get("outcome") != "promote" or plan.decision.get("promoted") != plan.candidate:
        raise RegistryError(
            f"promotion of {plan.candidate} in {plan.model}",
            f"expected a decision that promotes it, got {plan.decision.get('outcome')!r} for "
            f"{plan.decision.get('promoted')!r}",
            "Only the gate can promote; look at its reasons.",
        )
    require_who_and_why(plan.model, plan.actor, plan.reasons[0])
    state = read_ledger(store, plan.model, plan.alias)
    if state.version is not None:
        champion = store.version(plan.model, state.version)
        if champion.weights_digest == digest_directory(plan.weights_directory).digest:
            return _already_champion(store, plan.model, plan.alias, state)
    return None


def promote_registered(
    store: ModelStore,
    model: str,
    version: int,
    alias: str,
    actor: str,
    reason: str,
    expected_head: int | None = None,
) -> Promoted:
    """Make a registered version champion, if its own attached decision says so, and the people whom
    that asks for have approved.

    Args:
        expected_head: as in the plan. Empty, for what people approved: what they were told.
    Raises:
        RegistryError: when the decision is missing, changed or not `promote`, its approval is not
            there or over, actor or reason are blank, or the race is lost.
    """
    record = store.version(model, version)
    decision = read_promote_decision(store, record)
    require_who_and_why(model, actor, reason)
    state = read_ledger(store, model, alias)
    if state.version == version:
        return _already_champion(store, model, alias, state)
    head, approved = state.head_number, ""
    if (stands := require_approval(store, record, decision, alias, actor)) is not None:
        head, approved = stands.champion_entry, f"; approved by {', '.join(stands.approved_by)}"
    entry = LedgerEntry(
        number=0,
        head=head if expected_head is None else expected_head,
        version=version,
        kind="promote",
        actor=actor,
        reason=reason[: SHOWN_REASON_CHARACTERS - len(approved)] + approved,
        decision_digest=record.tag("decision_digest"),
    )
    written = append(store, model, alias, entry)
    before = f" instead of version {state.version}" if state.version else ""
    return Promoted(
        model=model,
        version=version,
        moved=True,
        entry=written.number,
        summary=f"{model} version {version} is now {alias}{before}.",
    )


def _already_champion(store: ModelStore, model: str, alias: str, state: LedgerState) -> Promoted:
    project(store, model, alias)
    summary = f"{model} version {state.version} is already {alias}."
    facts = {"version": state.version, "entry": state.head_number, "summary": summary}
    return Promoted.model_validate({"model": model, "moved": False, **facts})


def record_challenger(store: ModelStore, plan: PromotionPlan) -> Promoted:
    """Register a candidate that was not promoted, under the alias `challenger`; nothing else moves.

    Raises:
        RegistryError: when production follows that very alias, or as in `register`.
    """
    if plan.alias == CHALLENGER:
        raise RegistryError(
            f"registry.alias of {plan.model}",
            f"expected an alias for production, got {CHALLENGER!r}, which names whoever lost last",
            "Choose another, such as champion.",
        )
    version = register(store, plan)
    store.set_alias(plan.model, CHALLENGER, version.version)
    outcome = plan.decision["outcome"]
    return Promoted(
        model=plan.model,
        version=version.version,
        moved=False,
        summary=f"{plan.model} version {version.version} is recorded as {CHALLENGER} ({outcome}); "
        f"{plan.alias} did not move.",
    )


def rollback(store: ModelStore, model: str, alias: str, actor: str, reason: str) -> Promoted:
    """Restore the champion before the present one; a second rollback goes one further back.

    Champions that were rolled back from are skipped: after promotions of 1, 2 and 3, rollbacks give
    2, then 1; a promotion of 4 then follows 1, so a rollback from it gives 1 again.

    Raises:
        RegistryError: when there was none before it, actor or reason are blank, or the race is lost.
    """
    require_who_and_why(model, actor, reason)
    state = read_ledger(store, model, alias)
    target = state.rollback_target
    if target is None:
        raise RegistryError(
            f"rollback of {model}",
            f"expected an earlier {alias}, found none",
            "`pawl status` shows what there is.",
        )
    entry = LedgerEntry(
        number=0,
        head=state.head_number,
        version=target.version,
        kind="rollback",
        actor=actor,
        reason=reason[:SHOWN_REASON_CHARACTERS],
        decision_digest="",
        restores=target.number,
    )
    written = append(store, model, alias, entry)
    return Promoted(
        model=model,
        version=target.version,
        moved=True,
        entry=written.number,
        summary=f"{model} version {target.version} is {alias} again instead of version "
        f"{state.version}, rolled back by {actor}: {reason}",
    )


def require_who_and_why(model: str, actor: str, reason: str) -> None:
    """Insist on a name and a reason for a change.

    Raises:
        RegistryError: when one is blank.
    """
    for name, value in (("actor", actor), ("reason", reason)):
        if not value.strip():
            raise RegistryError(
                f"{name} of a change to {model}",
                "expected some text, got none",
                "Say it, for whoever reads the ledger later.",
            )
