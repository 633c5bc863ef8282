"""Step 7: register what was decided, and move the alias only on a `promote` decision.

Where the gate's policy asks for people, the alias stays until they approve (flows/steps/approval.py).
"""

from __future__ import annotations

import json
import math
import re

from prefect import runtime
from prefect.logging import get_run_logger

from configs.canonical_json import digest_json
from configs.lifecycle import LifecycleConfig
from evals.decision import Decision
from evals.report.tables import markdown_table
from flows.home import home, model_store
from flows.pawl_events import announce, gate_event, promotion_event
from flows.step_cache import StepOutcome
from flows.steps.champion import FoundChampion, registry_may_come_back
from flows.steps.gate import read_decision
from flows.steps.resolve import ResolvedBase
from flows.steps.step_state import publish, step
from registry.approval_requests import request_promotion
from registry.promotion import Promoted, PromotionPlan, promote_version, record_challenger
from registry.staleness import EvidenceFacts

_NOT_IN_A_NAME = re.compile(r"[^\w.\- ]")


def lineage_of(
    config: LifecycleConfig,
    facts: EvidenceFacts,
    base: ResolvedBase,
    prepared: StepOutcome,
    adapter: StepOutcome,
) -> dict[str, str]:
    """What the candidates were made from, and everything else their evidence rests on, by digest."""
    return {
        **facts.tags,
        "base_source": base.source,
        "data_digest": prepared.digest,
        "adapter_digest": adapter.digest,
        "lifecycle": config.name,
        "config_digest": digest_json(config.model_dump(mode="json")),
        "training_run": adapter.result["mlflow_run_id"],
    }


@step(
    name="promote",
    task_run_name="promote {config.registry.model_name}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def promote(
    config: LifecycleConfig,
    lineage: dict[str, str],
    candidates: dict[str, StepOutcome],
    decided: StepOutcome,
    champion: FoundChampion,
    actor: str,
) -> Promoted:
    """Register the decided candidate with its lineage; make it champion if it was promoted and its
    policy asks nobody for approval.

    Raises:
        RegistryError: when MLflow is unreachable, or the champion that the decision was made
            against is no longer the champion.
    """
    decision = read_decision(decided)
    candidate = decision.promoted or config.gated_candidates[0]
    made = candidates[candidate]
    plan = PromotionPlan(
        model=config.registry.model_name,
        alias=config.registry.alias,
        candidate=candidate,
        weights_directory=made.files,
        kept_directory=home() / "models",
        lineage=lineage,
        recipe=config.model_dump(mode="json"),
        decision=json.loads(decision.canonical_json()),
        reasons=decision.reasons,
        metrics=_metrics(decision, candidate),
        attachments=tuple(sorted(decided.files.iterdir())),
        actor=actor,
        score_table=markdown_table(decided.result["score_header"], decided.result["score_rows"]),
        expected_head=champion.head,
    )
    store = model_store()
    if decision.outcome != "promote":
        promoted = record_challenger(store, plan)
    elif config.gate.approval is not None:
        promoted = request_promotion(store, plan, str(runtime.flow_run.id))
    else:
        promoted = promote_version(store, plan)
    announce(promotion_event(promoted, actor, decision.reasons[0]))
    announce(
        gate_event(
            plan.model, decision.outcome, decision.reasons, decision.digest,
            decision.further_documents,
        )
    )  # fmt: skip
    summary = promoted.summary
    get_run_logger().info("promote: %s", summary)
    publish(
        "promote",
        f"## {config.registry.model_name}\n\n{summary}\n\n{plan.description}",
        "What happened in the registry",
    )
    return promoted


def _metrics(decision: Decision, candidate: str) -> dict[str, float]:
    """The candidate's checks as MLflow metrics: value and finite bounds, under names MLflow takes."""
    checks = next(r.checks for r in decision.results if r.candidate == candidate)
    found = {}
    for check in checks:
        name = (
            check.metric if check.reference is None else f"{check.metric}.minus.{check.reference}"
        )
        parts = (check.task, name, check.slice)
        key = "/".join(_NOT_IN_A_NAME.sub("_", part) for part in parts if part)
        for part, value in (("value", check.value), ("low", check.low), ("high", check.high)):
            if math.isfinite(value):
                found[f"{key}.{part}"] = value
    return found
