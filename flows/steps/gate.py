"""Step 6: the decision, and the report that explains it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from prefect.client.schemas.objects import State

from configs.lifecycle import LifecycleConfig
from configs.task import TaskConfig
from evals.critical_misses import Gold
from evals.decision import Decision, Look
from evals.evidence import Evidence
from evals.gate import decide
from evals.report.tables import score_cells, scores_of
from evals.report.write import write_report
from evals.stability_files import read_second_answers, read_stability
from flows.code_version import code_version
from flows.step_cache import StepCache, StepOutcome
from flows.steps.data_checks import data_report_markdown, read_data_report
from flows.steps.engines import baseline_kind
from flows.steps.evaluate import load_evaluation
from flows.steps.judging import judge_section
from flows.steps.prepare import read_split
from flows.steps.self_test import read_verdict
from flows.steps.stability import systems_to_ask_again, why_not_asked_again
from flows.steps.step_state import publish, publish_image, step, step_state
from registry.score_history import SCORES_FILE

SHOWN_METRICS = 3
RECORDED_METRICS = 6


def read_decision(outcome: StepOutcome) -> Decision:
    """The decision that a gate step stored."""
    return Decision.model_validate_json((outcome.files / "decision.json").read_bytes())


def evidence_digests(
    evaluations: dict[str, StepOutcome], guards: dict[str, dict[str, StepOutcome]]
) -> dict[str, str]:
    """Digest of every evaluation, by system or by `task/system`."""
    digests = {name: outcome.digest for name, outcome in evaluations.items()}
    for task, by_system in guards.items():
        digests |= {f"{task}/{name}": outcome.digest for name, outcome in by_system.items()}
    return digests


def _gold(config: LifecycleConfig, task_config: TaskConfig, prepared: StepOutcome) -> Gold | None:
    """Right answers, where something is critical and texts may be shown."""
    if not config.gate.critical or not task_config.show_text:
        return None
    rows = read_split(prepared, "test", task_config)
    return Gold(task_config, {row.id: row.target for row in rows})


@step(name="gate", task_run_name="gate {config.registry.model_name}")
def gate(
    config: LifecycleConfig,
    task_config: TaskConfig,
    evaluations: dict[str, StepOutcome],
    asked_again: dict[str, StepOutcome],
    beside: dict[str, StepOutcome],
    guards: dict[str, dict[str, StepOutcome]],
    look: Look,
    lineage: dict[str, str],
    sizes_bytes: dict[str, int],
    checked: StepOutcome,
    prepared: StepOutcome,
    self_tested: StepOutcome,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Compare the candidates with every reference and write decision and report.

    Args:
        evaluations: outcomes by system: `base`, the candidates, `baseline`, perhaps `champion`.
        asked_again: second answers to some rows, by system.
        beside: further evaluations that the report shows and the gate does not look at.
        guards: outcomes by guard task and system.
        lineage: digests of what the candidates were made from.
        sizes_bytes: weights on disk by system, where known.
        checked: outcome of the data checks.
        prepared: outcome that holds the test rows, whose right answers say what was missed.
        self_tested: outcome of the policy's self-test on these evaluations.
    """
    digests = evidence_digests(evaluations, guards)
    digests |= {f"{name}, asked again": outcome.digest for name, outcome in asked_again.items()}
    not_asked = {
        name: why
        for name in systems_to_ask_again(config, evaluations)
        if (why := why_not_asked_again(config, name)) is not None
    }
    description = baseline_kind(config.baseline)
    inputs = {
        "policy": config.gate.model_dump(mode="json"),
        "candidates": config.gated_candidates,
        "evidence": digests,
        "beside": evidence_digests(beside, {}),
        "not_asked_again": not_asked,
        "look": look.model_dump(mode="json"),
        "lineage": lineage,
        "sizes": sizes_bytes,
        "data_checks": checked.digest,
        "self_test": self_tested.digest,
        "seed": config.seed,
        "code": code_version("evals"),
        "baseline": description,
        "title": config.name,
        "description": config.description,
        "show_text": task_config.show_text,
    }

    def work(directory: Path) -> dict[str, Any]:
        loaded = {name: load_evaluation(outcome, name) for name, outcome in evaluations.items()}
        guarded = {
            task: {name: load_evaluation(outcome, name) for name, outcome in by_system.items()}
            for task, by_system in guards.items()
        }
        second = {name: read_second_answers(o.files, name) for name, o in asked_again.items()}
        answers = {name: again for name, again in second.items() if again is not None}
        evidence = Evidence(loaded, digests, guarded, answers)
        decision = decide(
            config.gate,
            config.gated_candidates,
            evidence,
            seed=config.seed,
            look=look,
            self_test=read_verdict(self_tested),
        )
        (directory / "decision.json").write_text(decision.canonical_json())
        shown = {**loaded, **{name: load_evaluation(o, name) for name, o in beside.items()}}
        sections = {"Data checks": data_report_markdown(read_data_report(checked))}
        if (judge := judge_section(evaluations)) is not None:
            sections["Judge"] = judge
        write_report(
            directory,
            decision,
            shown,
            guard_evaluations=guarded,
            sizes_bytes=sizes_bytes,
            baseline_description=description,
            title=config.name,
            description=config.description,
            lineage=lineage,
            show_text=task_config.show_text,
            extra_sections=sections,
            gold=_gold(config, task_config, prepared),
            stability={name: read_stability(o.files) for name, o in asked_again.items()},
            not_asked_again=not_asked,
        )
        measured = tuple(metric.name for metric in loaded["baseline"].metrics)
        ruled = [rule.metric for rule in config.gate.comparisons]
        ruled += [rule.metric for rule in config.gate.floors]
        metrics = list(dict.fromkeys([*(m for m in ruled if m in measured), *measured]))
        header, rows = score_cells(shown, sizes_bytes, metrics[:SHOWN_METRICS])
        scores = scores_of(loaded, metrics[:RECORDED_METRICS])
        (directory / SCORES_FILE).write_text(
            json.dumps(
                {system: {m: asdict(e) for m, e in of.items()} for system, of in scores.items()},
                indent=2,
            )
        )
        return {"outcome": decision.outcome, "score_header": header, "score_rows": rows}

    outcome = cache.run("gate", inputs, work)
    decision = read_decision(outcome)
    publish("gate", (outcome.files / "report.md").read_text(), "Scores, comparison and decision")
    for plot in sorted(outcome.files.glob("*.png")):
        publish_image(f"gate-{plot.stem}", plot, f"{plot.stem.capitalize()} with intervals")
    return step_state(outcome, f"{decision.outcome}: {decision.reasons[0]}")
