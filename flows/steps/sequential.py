"""Step 5, sequential: a candidate answers random batches of documents until its rules are settled."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State
from prefect.logging import get_run_logger

from configs.errors import EvidenceError
from configs.gate_policy import GateConfig
from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.evaluation import write_evaluation
from evals.evidence import Evidence
from evals.gate import strictest_level
from evals.report.tables import markdown_table
from evals.sequential_checks import SequentialGate
from evals.sequential_evaluation import evaluate_in_batches
from evals.sequential_plot import write_sequence_plot
from evals.stats.multiplicity import spend
from flows.code_version import code_version
from flows.gpu_slots import on_gpu
from flows.step_cache import StepCache, StepOutcome
from flows.steps.engines import weights_engine
from flows.steps.evaluate import evaluated, load_evaluation, test_rows, weights_inputs
from flows.steps.prepare import split_digest
from flows.steps.step_state import progress_reporter, publish, publish_image, step

SAVINGS = "savings.json"
PLOT = "sequence.png"


def alpha_of_a_look(policy: GateConfig) -> float:
    """What every look may spend: known before it, because a sequential budget plans their number."""
    if policy.alpha_budget is None:
        return policy.alpha
    return spend(policy.alpha, 1, policy.alpha_budget.planned_looks)


@step(name="evaluate in batches", task_run_name="evaluate {system} in batches")
def evaluate_sequentially(
    system: str,
    model_dir: Path,
    weights_digest: str,
    config: LifecycleConfig,
    task_config: TaskConfig,
    prepared: StepOutcome,
    references: dict[str, StepOutcome],
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Let a candidate answer until every required rule on the lifecycle's task is settled.

    Args:
        references: complete evaluations that the rules compare with; `baseline` among them.
    """
    policy, sequential = config.gate, config.gate.sequential
    if sequential is None:
        raise EvidenceError("gate.sequential", "expected settings, got none", "Set them.")
    inputs = {
        "model": weights_inputs(config, weights_digest),
        "test": split_digest(prepared, "test"),
        "task": task_config.model_dump(mode="json"),
        "policy": policy.model_dump(mode="json", exclude={"approval"}),
        "candidates": len(config.gated_candidates),
        "references": {name: outcome.digest for name, outcome in references.items()},
        "seed": config.seed,
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        loaded = {name: load_evaluation(outcome, name) for name, outcome in references.items()}
        evidence = Evidence(loaded, {name: outcome.digest for name, outcome in references.items()})
        level = strictest_level(
            policy, len(config.gated_candidates), alpha_of_a_look(policy), config.seed
        )
        gate = SequentialGate(policy, system, evidence, level, loaded["baseline"])
        evaluation, savings = evaluate_in_batches(
            weights_engine(model_dir, weights_digest, config.evaluation),
            task_config,
            test_rows(prepared, task_config),
            gate,
            batch_documents=sequential.batch_documents,
            seed=config.seed,
            system=system,
            data_digest=split_digest(prepared, "test"),
            on_progress=progress_reporter(f"Evaluating {system}"),
        )
        write_evaluation(evaluation, directory)
        write_sequence_plot(directory / PLOT, gate)
        facts = {**dataclasses.asdict(savings), "seconds_saved": savings.seconds_saved}
        (directory / SAVINGS).write_text(json.dumps(facts, indent=2))
        return facts

    outcome = cache.run("evaluate-sequentially", inputs, on_gpu(work))
    facts = outcome.result
    saved = facts["rows_total"] - facts["rows_asked"]
    get_run_logger().info(
        "%s: settled after %d of %d documents; %d rows and about %.0f s saved",
        system, facts["documents_asked"], facts["documents_total"], saved, facts["seconds_saved"],
    )  # fmt: skip
    publish(
        f"sequence-{system}",
        f"## {system} in batches\n\n"
        + markdown_table(
            ["", "asked", "in all"],
            [
                ["documents", str(facts["documents_asked"]), str(facts["documents_total"])],
                ["rows", str(facts["rows_asked"]), str(facts["rows_total"])],
            ],
        )
        + f"\n\n{facts['seconds']:.1f} s spent, about {facts['seconds_saved']:.1f} s saved.",
        "Documents asked, and time saved by stopping early",
    )
    publish_image(f"sequence-{system}-plot", outcome.files / PLOT, "Bounds by documents asked")
    return evaluated(outcome, system)
