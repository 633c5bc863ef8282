"""Step 5b: which decision on this test set it will be, and what it may spend of alpha."""

from __future__ import annotations

from configs.canonical_json import digest_json
from configs.errors import EvidenceError
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.decision import Look
from evals.stats.multiplicity import spend
from flows.home import model_store
from flows.step_cache import StepOutcome
from flows.steps.champion import registry_may_come_back
from flows.steps.prepare import split_digest
from flows.steps.step_state import publish, step
from registry.looks import claim_look as claim_in_registry


@step(
    name="claim look",
    task_run_name="claim look on the test set of {config.registry.model_name}",
    retries=2,
    retry_delay_seconds=5,
    retry_condition_fn=registry_may_come_back,
)
def claim_look(
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    evidence: dict[str, str],
) -> Look:
    """Enter the coming decision in the ledger of looks; the same question is the same look.

    Args:
        evidence: digest of every evaluation the decision will rest on.
    Raises:
        EvidenceError: when the planned looks on this test set are used up.
        RegistryError: when MLflow is unreachable.
    """
    policy = config.gate
    test_set = {"test": split_digest(prepared, "test"), "task": task_config.model_dump(mode="json")}
    question = {
        # Who must approve changes nothing about what the test set is asked.
        "policy": policy.model_dump(mode="json", exclude={"approval"}),
        "candidates": config.gated_candidates,
        "evidence": evidence,
        "seed": config.seed,
    }
    name = config.registry.model_name
    entry = claim_in_registry(model_store(), name, digest_json(test_set), digest_json(question))
    budget = policy.alpha_budget
    if budget is None:
        return Look(number=entry.number, alpha=policy.alpha, budgeted=False)
    if budget.planned_looks is not None and entry.number > budget.planned_looks:
        raise EvidenceError(
            f"gate.alpha_budget of {config.name}",
            f"expected at most {budget.planned_looks} decisions on one test set, got number "
            f"{entry.number}",
            "Evaluate on fresh documents: this test set has spent its alpha.",
        )
    alpha = spend(policy.alpha, entry.number, budget.planned_looks)
    publish(
        "look",
        f"## Look {entry.number}\n\nThis decision may spend {alpha:.4g} of the alpha of "
        f"{policy.alpha:g} that all decisions on this test set share.",
        "Alpha budget of the test set",
    )
    return Look(number=entry.number, alpha=alpha, budgeted=True)
