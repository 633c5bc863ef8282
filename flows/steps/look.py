"""Steps around the ledger of looks: what will decide, what is about to be scored, which look it is."""

from __future__ import annotations

from configs.canonical_json import digest_json
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.decision import Look
from evals.documents import DocumentRows, documents_of_rows
from evals.evidence import Evidence
from evals.gate import decide
from evals.reasons import about_look
from flows.home import model_store
from flows.look_claims import claim, look_of, policy_digest, question_digest, refuse_if_used_up
from flows.step_cache import StepOutcome
from flows.steps.champion import registry_may_come_back
from flows.steps.evaluate import load_evaluation, test_rows
from flows.steps.gate import evidence_digests
from flows.steps.prepare import split_digest
from flows.steps.step_state import publish, step
from registry.looks import LookCounter, Question

RETRIED = {
    "retries": 2,
    "retry_delay_seconds": 5,
    "retry_condition_fn": registry_may_come_back,
}
MODEL_LEDGER_TASK = (
    "name", "kind", "description", "system_prompt", "user_prompt", "few_shot", "output_schema",
    "labels", "summary", "grounding", "scorers", "primary_metric", "cluster_key", "slices",
    "normalization", "max_new_tokens", "stop", "constrained", "data", "contains_phi", "show_text",
)  # fmt: skip
"""Fields of a task by which the ledgers of single models knew a test set."""


def _question(config: LifecycleConfig, digest: str = "", weights: tuple[str, ...] = ()) -> Question:
    return Question(
        policy=policy_digest(config.gate),
        model=config.registry.model_name,
        digest=digest,
        candidates=weights,
        recipe=digest_json(config.model_dump(mode="json", exclude={"name", "description"})),
    )


def _documents(task_config: TaskConfig, prepared: StepOutcome) -> DocumentRows:
    return documents_of_rows(task_config, test_rows(prepared, task_config))


@step(
    name="record policy",
    task_run_name="record the policy of {config.registry.model_name}",
    **RETRIED,
)
def record_policy(config: LifecycleConfig, task_config: TaskConfig, prepared: StepOutcome) -> Look:
    """Enter the policy in the ledger before any answer to the test documents is scored.

    Returns:
        The look that the run's decision will be if nobody decides on these documents before it.
    Raises:
        EvidenceError: when the planned looks are used up, before anything is trained; unless this very
            configuration was decided before, and may be the same question.
        RegistryError: when MLflow is unreachable.
    """
    documents = _documents(task_config, prepared)
    counter = LookCounter(model_store(), documents.documents)
    task = task_config.model_dump(mode="json", include=set(MODEL_LEDGER_TASK))
    known_as = digest_json({"test": split_digest(prepared, "test"), "task": task})
    counter.take_over(config.registry.model_name, known_as)
    question = _question(config)
    expected = counter.next_look(question)
    if not counter.recipe_was_decided(question):
        refuse_if_used_up(config.gate, documents, expected, f"gate.alpha_budget of {config.name}")
    counter.record_policy(question)
    return look_of(config.gate, documents, expected)


@step(
    name="record scoring",
    task_run_name="record what will be scored for {config.registry.model_name}",
    **RETRIED,
)
def record_scoring(
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    candidates: dict[str, StepOutcome],
) -> tuple[str, ...]:
    """Enter in the ledger that the candidates' answers to the test documents are about to be scored.

    Returns:
        Digests of the weights of which the ledger did not say so before.
    Raises:
        RegistryError: when MLflow is unreachable.
    """
    counter = LookCounter(model_store(), _documents(task_config, prepared).documents)
    return counter.record_scoring(_question(config, weights=_weights(config, candidates)))


def _weights(config: LifecycleConfig, candidates: dict[str, StepOutcome]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(candidates[name].digest for name in config.gated_candidates))


@step(
    name="claim look",
    task_run_name="claim look on the test set of {config.registry.model_name}",
    **RETRIED,
)
def claim_look(
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    candidates: dict[str, StepOutcome],
    newly_scored: tuple[str, ...],
    evaluations: dict[str, StepOutcome],
    guards: dict[str, dict[str, StepOutcome]],
) -> Look:
    """Enter the coming decision in the ledger of looks; the same question is the same look.

    The gate's rules are tried before that, so that what they refuse costs no look.

    Args:
        newly_scored: what `record_scoring` returned.
        evaluations, guards: all that the decision will rest on.
    Raises:
        EvidenceError: when the planned looks on these documents are used up, or the gate refuses.
        RegistryError: when MLflow is unreachable.
    """
    policy = config.gate
    digests = evidence_digests(evaluations, guards)
    asked = question_digest(policy, config.gated_candidates, digests, config.seed)

    def rehearse(expected: Look) -> None:
        evidence = Evidence(
            {name: load_evaluation(outcome, name) for name, outcome in evaluations.items()},
            digests,
            {
                task: {name: load_evaluation(outcome, name) for name, outcome in by_system.items()}
                for task, by_system in guards.items()
            },
        )
        decide(policy, config.gated_candidates, evidence, seed=config.seed, look=expected)

    # Answers that were there although the ledger does not know of them are of an earlier version, and
    # older than any record of a policy.
    old = any(
        evaluations[name].reused and candidates[name].digest in newly_scored
        for name in config.gated_candidates
    )
    documents = _documents(task_config, prepared)
    look = claim(
        LookCounter(model_store(), documents.documents),
        policy,
        documents,
        _question(config, asked, _weights(config, candidates)),
        f"gate.alpha_budget of {config.name}",
        rehearse,
        "after" if old else None,
    )
    if look.budgeted:
        publish(
            "look",
            f"## Look {look.number}\n\n{about_look(policy, look)}",
            "Alpha budget of the test set",
        )
    return look
