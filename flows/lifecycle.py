"""The whole life of one small model, top to bottom in the order it happens.

Does: call one step after the other and hand each the outcomes of those before it.
Does not: compute anything; every step is a task in flows/steps/ over a domain package.
"""

from __future__ import annotations

from pathlib import Path

from prefect import flow

from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from configs.task import TaskConfig
from evals.harness.declared_metrics import require_declared_metrics
from finetune.weights import weight_bytes
from flows.evidence_facts import facts_now
from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import home
from flows.lifecycle_summary import LifecycleSummary, summarize
from flows.requester import requester
from flows.sole_process import sole_process_of_this_run
from flows.step_cache import StepCache, StepOutcome
from flows.steps.approval import settle_approval
from flows.steps.champion import find_champion
from flows.steps.critical_labels import require_critical_labels, require_policy_names
from flows.steps.data_checks import check_prepared_data
from flows.steps.evaluate import evaluate_baseline, evaluate_weights
from flows.steps.fine_tune import fine_tune, merge
from flows.steps.gate import gate
from flows.steps.guards import evaluate_guard
from flows.steps.look import claim_look, record_policy, record_scoring
from flows.steps.pin import pin
from flows.steps.preflight import preflight
from flows.steps.prepare import prepare
from flows.steps.promote import lineage_of, promote
from flows.steps.quantize import quantize_candidate
from flows.steps.readability import check_champion_before_training, check_readable
from flows.steps.resolve import resolve
from flows.steps.score_history import score_history
from flows.steps.self_test import self_test
from flows.steps.sequential import evaluate_sequentially
from flows.steps.stability import ask_all_again
from flows.steps.step_state import result_of

hide_tracebacks_of_expected_failures()


@flow(name="lifecycle", flow_run_name="lifecycle {config.name}", persist_result=False)
def lifecycle(config: LifecycleConfig, requested_by: str = "") -> LifecycleSummary:
    """Fine-tune, quantize, evaluate, gate, promote and pin one small model.

    Args:
        config: everything that was declared: base model, data, fine-tuning, quantizations,
            baseline, gate, registry and serving.
        requested_by: who asks for it, for the audit trail. Empty: the run's own name.
    """
    return run_lifecycle(config, requested_by)


def run_lifecycle(config: LifecycleConfig, requested_by: str = "") -> LifecycleSummary:
    """The steps of a lifecycle, inside whatever flow calls it.

    Args:
        config, requested_by: as of `lifecycle`.
    Raises:
        PawlError: of the step that could not go on.
    """
    with sole_process_of_this_run():
        return run_steps(config, requested_by)


def run_steps(config: LifecycleConfig, requested_by: str) -> LifecycleSummary:
    """The steps in their order; arguments and errors as of `run_lifecycle`."""
    actor = requester(config, requested_by)
    cache = StepCache(home() / "cache")
    task = load_task(config.task)
    require_policy_names(config, task)
    require_declared_metrics(config.gate, config.guard_tasks)

    base = result_of(resolve(config.base_model))
    # Before anything is computed: what is edited during the run was not used, and must show as newer.
    facts = facts_now(config, base.digest)
    data = result_of(prepare(config, task, cache))
    checked = result_of(check_prepared_data(config.data_checks, task, data, cache))
    require_critical_labels(config, task, data)
    # Before any answer is scored: a policy that is changed after that is another look.
    expected_look = result_of(record_policy(config, task, data))
    # Before training: a baseline that cannot answer, or too few documents, would make it worthless.
    baseline = result_of(evaluate_baseline(config, task, data, cache))
    check_readable("baseline", config, task, baseline)
    champion_before = check_champion_before_training(config, task, base, data, cache)
    preflight(config, baseline, champion_before, expected_look)

    adapter = result_of(fine_tune(config, task, base, data, cache))
    merged = result_of(merge(task, base, adapter, data, cache))
    candidates = {"fine-tuned": merged}
    for quantization in config.quantizations:
        candidates[quantization.scheme] = result_of(
            quantize_candidate(quantization, task, merged, data, config.seed, cache)
        )

    weights = {"base": (base.directory, base.digest)}
    weights |= {name: (made.files, made.digest) for name, made in candidates.items()}
    champion = result_of(find_champion(config.registry))
    weights |= champion.unless_among({digest for _, digest in weights.values()})
    newly_scored = result_of(record_scoring(config, task, data, candidates))
    evaluations = evaluate_all(config, task, data, weights, baseline, cache)
    asked_again = ask_all_again(config, task, data, weights, evaluations, cache)
    beside = evaluate_beside(config, task, data, weights, cache)
    guards = {
        guard.task: {
            name: result_of(evaluate_guard(name, directory, digest, guard, config, cache))
            for name, (directory, digest) in weights.items()
        }
        for guard in config.guard_tasks
    }

    sizes = {name: weight_bytes(directory) for name, (directory, _) in weights.items()}
    lineage = lineage_of(config, facts, base, data, adapter)
    look = result_of(
        claim_look(
            config, task, data, candidates, newly_scored, evaluations, guards
        )
    )  # fmt: skip
    self_tested = result_of(self_test(config, evaluations, look, cache))
    decided = result_of(
        gate(
            config, task, evaluations, asked_again, beside, guards, look, lineage, sizes, checked, data,
            self_tested, cache,
        )
    )  # fmt: skip
    promotion = result_of(promote(config, lineage, candidates, decided, champion, actor))
    outcome = decided.result["outcome"]
    if config.gate.approval is not None:
        promotion, outcome = settle_approval(config.registry, promotion, decided)
    pinned = result_of(pin(config))
    score_history(config.registry)

    guarded = [asked for by_system in guards.values() for asked in by_system.values()]
    steps = [data, checked, adapter, *candidates.values(), *evaluations.values()]
    steps += [*asked_again.values(), *beside.values(), *guarded, decided]
    return summarize(config, steps, decided, promotion, pinned, outcome)


def evaluate_all(
    config: LifecycleConfig,
    task: TaskConfig,
    data: StepOutcome,
    weights: dict[str, tuple[Path, str]],
    baseline: StepOutcome,
    cache: StepCache,
) -> dict[str, StepOutcome]:
    """Evaluations on the lifecycle's task: references in full, and, if the gate is sequential, the
    candidates after them in batches."""
    evaluations = {"baseline": baseline}
    batched = config.gated_candidates if config.gate.sequential else ()
    for name, (directory, digest) in weights.items():
        if name not in batched:
            evaluations[name] = result_of(
                evaluate_weights(name, directory, digest, config, task, data, cache)
            )
    references = {n: o for n, o in evaluations.items() if n in ("baseline", "champion", "base")}
    for name in batched:
        directory, digest = weights[name]
        evaluations[name] = result_of(
            evaluate_sequentially(
                name, directory, digest, config, task, data, references, cache
            )
        )  # fmt: skip
    return {name: evaluations[name] for name in (*weights, "baseline")}


def evaluate_beside(
    config: LifecycleConfig,
    task: TaskConfig,
    data: StepOutcome,
    weights: dict[str, tuple[Path, str]],
    cache: StepCache,
) -> dict[str, StepOutcome]:
    """Candidates decoded in the way that the task does not use, for the report alone."""
    if not config.evaluation.beside_constrained or task.output_schema is None:
        return {}
    other = task.model_copy(update={"constrained": not task.constrained})
    how = "constrained" if other.constrained else "unconstrained"
    found = {}
    for name in config.gated_candidates:
        directory, digest = weights[name]
        shown = f"{name}, {how}"
        found[shown] = result_of(
            evaluate_weights(shown, directory, digest, config, other, data, cache)
        )
    return found
