"""Register versions with their evidence, and move the champion through the ledger.

Does: promote on a `promote` decision only, record a challenger otherwise, roll back with who and
why. Does not: compute a decision (it arrives as JSON and its digest is recomputed here).
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from configs.strict_model import StrictModel
from registry.digests import digest_json
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
    """Directory below which promoted weights are kept, by digest."""
    lineage: dict[str, str]
    decision: dict[str, Any]
    reasons: tuple[str, ...]
    metrics: dict[str, float]
    attachments: tuple[Path, ...]
    actor: str

    @property
    def decision_digest(self) -> str:
        """Recomputed, never taken on trust."""
        return digest_json(self.decision)


class Promoted(StrictModel):
    """What happened."""

    model: str
    version: int
    moved: bool
    """Whether the alias moved."""
    summary: str
    """One sentence."""


def register(store: ModelStore, plan: PromotionPlan) -> VersionRecord:
    """The version of this candidate under this decision; registered unless it exists.

    Raises:
        RegistryError: when the lineage is incomplete or MLflow is unreachable.
    """
    if missing := set(LINEAGE_TAGS) - plan.lineage.keys():
        raise RegistryError(plan.model, f"expected lineage {sorted(missing)}, got none",
                            "Run the lifecycle again.")  # fmt: skip
    store.create_model(plan.model)
    directory, manifest = keep_weights(plan.weights_directory, plan.kept_directory)
    for known in store.versions(plan.model):
        same = (manifest.digest, plan.decision_digest)
        if (known.tags.get("weights_digest"), known.tags.get("decision_digest")) == same:
            return known
    run_id = store.start_run(f"{plan.model} {plan.candidate}", {"pawl.step": "register"})
    store.log_metrics(run_id, plan.metrics, 0)
    with tempfile.TemporaryDirectory() as scratch:
        manifest_path = Path(scratch) / "manifest.json"
        manifest_path.write_text(json.dumps(manifest.model_dump(mode="json"), indent=2))
        store.attach(run_id, [*plan.attachments, manifest_path])
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
    description = "\n".join(f"- {reason}" for reason in plan.reasons)
    return store.create_version(plan.model, run_id, tags, description)


def promote_version(store: ModelStore, plan: PromotionPlan) -> Promoted:
    """Register the candidate and make it champion.

    Raises:
        RegistryError: when the decision is not `promote`, does not promote this candidate, or
            another promotion won the race.
    """
    if plan.decision.get("outcome") != "promote" or plan.decision.get("promoted") != plan.candidate:
        raise RegistryError(
            f"promotion of {plan.candidate} in {plan.model}",
            f"expected a decision that promotes it, got {plan.decision.get('outcome')!r} for "
            f"{plan.decision.get('promoted')!r}",
            "Only the gate can promote; look at its reasons.",
        )
    version = register(store, plan)
    return promote_registered(store, plan.model, version.version, plan.alias, plan.actor,
                              plan.reasons[0])  # fmt: skip


def promote_registered(
    store: ModelStore, model: str, version: int, alias: str, actor: str, reason: str
) -> Promoted:
    """Make a registered version champion, if its own attached decision says so.

    Raises:
        RegistryError: when the decision is missing, changed or not `promote`, or the race is lost.
    """
    record = store.version(model, version)
    require_promote_decision(store, record)
    state = store.ledger(model, alias)
    if state.version == version:
        store.project(model, alias)
        return Promoted(model=model, version=version, moved=False,
                        summary=f"{model} version {version} is already {alias}.")  # fmt: skip
    entry = {"head": state.head_number, "version": version, "kind": "promote", "actor": actor,
             "reason": reason[:SHOWN_REASON_CHARACTERS],
             "decision_digest": record.tag("decision_digest")}  # fmt: skip
    _append(store, model, alias, entry)
    before = f" instead of version {state.version}" if state.version else ""
    return Promoted(model=model, version=version, moved=True,
                    summary=f"{model} version {version} is now {alias}{before}.")  # fmt: skip


def require_promote_decision(store: ModelStore, record: VersionRecord) -> None:
    """Read the decision attached to a version and insist that it promotes it.

    Raises:
        RegistryError: when it is not the one whose digest the version carries, or not `promote`.
    """
    where = f"decision of {record.model} version {record.version}"
    decision = json.loads(store.read_attachment(record.run_id, "decision.json"))
    if digest_json(decision) != record.tag("decision_digest"):
        raise RegistryError(where, f"expected digest {record.tag('decision_digest')}, got "
                            f"{digest_json(decision)}", "Do not use this version.")  # fmt: skip
    if decision.get("outcome") != "promote" or decision.get("promoted") != record.tag("candidate"):
        raise RegistryError(where, f"expected promote, got {decision.get('outcome')!r}",
                            "Only the gate can promote; look at its reasons.")  # fmt: skip


def record_challenger(store: ModelStore, plan: PromotionPlan) -> Promoted:
    """Register a candidate that was not promoted, under the alias `challenger`; nothing else moves."""
    version = register(store, plan)
    store.set_alias(plan.model, CHALLENGER, version.version)
    outcome = plan.decision["outcome"]
    return Promoted(
        model=plan.model, version=version.version, moved=False,
        summary=f"{plan.model} version {version.version} is recorded as {CHALLENGER} ({outcome}); "
        f"{plan.alias} did not move.",
    )  # fmt: skip


def rollback(store: ModelStore, model: str, alias: str, actor: str, reason: str) -> Promoted:
    """Restore the champion before the present one; a second rollback goes one further back.

    Raises:
        RegistryError: when there was none before it, or the race is lost.
    """
    state = store.ledger(model, alias)
    target = state.rollback_target
    if target is None:
        raise RegistryError(f"rollback of {model}", f"expected an earlier {alias}, found none",
                            "`pawl status` shows what there is.")  # fmt: skip
    entry = {"head": state.head_number, "version": target.version, "kind": "rollback",
             "actor": actor, "reason": reason[:SHOWN_REASON_CHARACTERS], "decision_digest": "",
             "restores": target.number}  # fmt: skip
    _append(store, model, alias, entry)
    return Promoted(
        model=model, version=target.version, moved=True,
        summary=f"{model} version {target.version} is {alias} again instead of version "
        f"{state.version}, rolled back by {actor}: {reason}",
    )  # fmt: skip


def _append(store: ModelStore, model: str, alias: str, entry: dict[str, Any]) -> None:
    number = store.append(model, alias, entry)
    state = store.ledger(model, alias)
    store.project(model, alias)
    if number not in {effective.number for effective in state.effective}:
        raise RegistryError(
            f"{alias} of {model}", "another change came first (ledger entry "
            f"{number} was written on entry {entry['head']}, which is no longer the head)",
            "Look at `pawl status`, and decide again on the new champion.",
        )  # fmt: skip
