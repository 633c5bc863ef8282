"""Step 6: the decision, and the report that explains it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.lifecycle import LifecycleConfig
from evals.decision import Decision
from evals.gate import decide
from evals.report.tables import score_cells
from evals.report.write import write_report
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.evaluate import baseline_kind, load_evaluation
from flows.steps.step_state import publish, publish_image, step, step_state

REFERENCES: tuple[str, ...] = ("baseline", "champion")
SUMMARY_METRICS = ("micro_f1", "valid_json", "exact_match")


def read_decision(outcome: StepOutcome) -> Decision:
    """The decision that a gate step stored."""
    return Decision.model_validate_json((outcome.files / "decision.json").read_bytes())


@step(name="gate", task_run_name="gate {config.registry.model_name}")
def gate(
    config: LifecycleConfig,
    evaluations: dict[str, StepOutcome],
    sizes_bytes: dict[str, int],
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Compare the candidates with every reference and write decision and report.

    Args:
        evaluations: outcomes by system: `base`, the candidates, `baseline`, perhaps `champion`.
        sizes_bytes: weights on disk by system, where known.
    """
    evidence = {name: outcome.digest for name, outcome in evaluations.items()}
    inputs = {
        "policy": config.gate.model_dump(mode="json"),
        "candidates": config.gated_candidates,
        "evidence": evidence,
        "sizes": sizes_bytes,
        "seed": config.seed,
        "code": code_version("evals"),
        "baseline": baseline_kind(config.baseline),
        "title": config.name,
        "description": config.description,
    }

    def work(directory: Path) -> dict[str, Any]:
        loaded = {name: load_evaluation(outcome, name) for name, outcome in evaluations.items()}
        references = {name: loaded[name] for name in REFERENCES if name in loaded}
        decision = decide(
            config.gate,
            {name: loaded[name] for name in config.gated_candidates},
            references,
            seed=config.seed,
            evidence=evidence,
        )
        (directory / "decision.json").write_text(decision.canonical_json())
        write_report(
            directory,
            decision,
            loaded,
            sizes_bytes=sizes_bytes,
            baseline_description=baseline_kind(config.baseline),
            title=config.name,
            description=config.description,
        )
        header, rows = score_cells(loaded, sizes_bytes, SUMMARY_METRICS)
        return {"outcome": decision.outcome, "score_header": header, "score_rows": rows}

    outcome = cache.run("gate", inputs, work)
    decision = read_decision(outcome)
    publish("gate", (outcome.files / "report.md").read_text(), "Scores, comparison and decision")
    for plot in sorted(outcome.files.glob("*.png")):
        publish_image(f"gate-{plot.stem}", plot, f"{plot.stem.capitalize()} with intervals")
    return step_state(outcome, f"{decision.outcome}: {decision.reasons[0]}")
