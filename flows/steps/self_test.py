"""Step 5c: what the policy does on documents like these, with losses planted where they are hard to see."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.lifecycle import LifecycleConfig
from evals.automatic_selftest import automatic_selftest
from evals.decision import Look
from evals.selftest_verdict import SelfTestVerdict
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.evaluate import load_evaluation
from flows.steps.step_state import step, step_state


def read_verdict(outcome: StepOutcome) -> SelfTestVerdict | None:
    """The verdict that the step stored; None where the policy has nothing that could be exercised."""
    stored = outcome.files / "self_test.json"
    return SelfTestVerdict.model_validate_json(stored.read_bytes()) if stored.is_file() else None


@step(name="self-test", task_run_name="self-test of the gate of {config.registry.model_name}")
def self_test(
    config: LifecycleConfig, evaluations: dict[str, StepOutcome], look: Look, cache: StepCache
) -> State[Any] | StepOutcome:
    """Plant losses in the scores of the most wanted candidate and the baseline, and run gates on them.

    Args:
        evaluations: outcomes by system; one that stopped early is tested on the rows it was asked.
        look: what the decision may spend.
    """
    name = config.gated_candidates[0]
    inputs = {
        "policy": config.gate.model_dump(mode="json"),
        "candidate": evaluations[name].digest,
        "baseline": evaluations["baseline"].digest,
        "candidates": len(config.gated_candidates),
        "look": look.model_dump(mode="json"),
        "seed": config.seed,
        "code": code_version("evals"),
    }

    def work(directory: Path) -> dict[str, Any]:
        verdict, sentence = automatic_selftest(
            config.gate,
            load_evaluation(evaluations[name], name),
            load_evaluation(evaluations["baseline"], "baseline"),
            candidates=len(config.gated_candidates),
            look=look,
            seed=config.seed,
        )
        if verdict is not None:
            (directory / "self_test.json").write_text(verdict.model_dump_json(indent=2))
        return {"sentence": sentence}

    outcome = cache.run("self-test", inputs, work)
    return step_state(outcome, str(outcome.result["sentence"]))
