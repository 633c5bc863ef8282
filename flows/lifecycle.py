"""The whole life of one small model, top to bottom in the order it happens.

Does: call one step after the other and hand each the outcomes of those before it.
Does not: compute anything; every step is a task in flows/steps/ over a domain package.
"""

from __future__ import annotations

from prefect import flow
from prefect.runtime import flow_run

from configs.lifecycle import LifecycleConfig
from configs.load import load_task
from finetune.weights import weight_bytes
from flows.expected_failures import hide_tracebacks_of_expected_failures
from flows.home import home
from flows.lifecycle_summary import LifecycleSummary, summarize
from flows.step_cache import StepCache
from flows.steps.champion import find_champion
from flows.steps.evaluate import evaluate_baseline, evaluate_weights
from flows.steps.fine_tune import fine_tune, merge
from flows.steps.gate import gate
from flows.steps.pin import pin
from flows.steps.prepare import prepare
from flows.steps.promote import promote
from flows.steps.quantize import quantize_candidate
from flows.steps.resolve import resolve
from flows.steps.step_state import result_of

hide_tracebacks_of_expected_failures()


@flow(name="lifecycle", flow_run_name="lifecycle {config.name}", persist_result=False)
def lifecycle(config: LifecycleConfig) -> LifecycleSummary:
    """Fine-tune, quantize, evaluate, gate, promote and pin one small model.

    Args:
        config: everything that was declared: base model, data, fine-tuning, quantizations,
            baseline, gate, registry and serving.
    """
    cache = StepCache(home() / "cache")
    task = load_task(config.task)

    base = result_of(resolve(config.base_model))
    data = result_of(prepare(config, task, cache))
    # Before training: a baseline that cannot answer would make it worthless.
    baseline = result_of(evaluate_baseline(config.baseline, config.evaluation, task, data, cache))

    adapter = result_of(fine_tune(config, task, base, data, cache))
    merged = result_of(merge(base, adapter, cache))
    candidates = {"fine-tuned": merged}
    for quantization in config.quantizations:
        candidates[quantization.scheme] = result_of(
            quantize_candidate(quantization, task, merged, data, config.seed, cache)
        )

    weights = {"base": (base.directory, base.digest)}
    weights |= {name: (made.files, made.digest) for name, made in candidates.items()}
    champion = result_of(find_champion(config.registry))
    weights |= champion.unless_among({digest for _, digest in weights.values()})
    evaluations = {
        name: result_of(
            evaluate_weights(name, directory, digest, config.evaluation, task, data, cache)
        )
        for name, (directory, digest) in weights.items()
    }
    evaluations["baseline"] = baseline

    sizes = {name: weight_bytes(directory) for name, (directory, _) in weights.items()}
    decided = result_of(gate(config, evaluations, sizes, cache))
    promotion = result_of(
        promote(config, base, data, adapter, candidates, decided, champion, str(flow_run.name))
    )
    pinned = result_of(pin(config))

    steps = [data, adapter, *candidates.values(), *evaluations.values(), decided]
    return summarize(config, steps, decided, promotion, pinned)
