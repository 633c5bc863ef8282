"""The judge of a lifecycle: its engine, its scorer, what it depends on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from configs.baseline import EndpointBaseline, LocalBaseline
from configs.judge import JudgeConfig
from configs.lifecycle import CHANGES_NO_ANSWER, EvaluationConfig
from evals.engines.completion import Engine
from evals.evaluation import Evaluation
from evals.judge.columns import Role
from evals.judge.rectified_evaluation import JudgedMean, judged_means
from evals.judge.report import JudgeReport, judge_report_markdown
from evals.judge.scorer import JudgeScorer
from flows.home import home
from flows.step_cache import StepOutcome
from flows.steps.engines import asked_model, endpoint_engine, weights_engine
from flows.steps.resolve import fetch
from registry.digests import digest_directory, digest_file

REPORT = "judge.json"
MEANS_ALPHA = 0.025
"""Error of each bound of the means in the report, which are 95% intervals."""


def judge_inputs(judge: JudgeConfig | None) -> dict[str, Any] | None:
    """What scores by this judge depend on, files by digest; local weights by their name alone."""
    if judge is None:
        return None
    inputs = judge.model_dump(mode="json", exclude={"model"}) | {"model": asked_model(judge.model)}
    if judge.human_labels is not None:
        path = Path(judge.human_labels)
        inputs["labels"] = digest_file(path) if path.is_file() else None
    return inputs


def judging_inputs(judge: JudgeConfig | None, settings: EvaluationConfig) -> dict[str, Any] | None:
    """`judge_inputs` with what local weights are and how they compute; every byte of them is read.

    Args:
        settings: how local weights compute.
    Raises:
        WeightsError: when local weights cannot be had.
    """
    inputs = judge_inputs(judge)
    if inputs is not None and judge is not None and isinstance(judge.model, LocalBaseline):
        inputs["weights"] = digest_directory(fetch(judge.model.source)).digest
        inputs["settings"] = settings.model_dump(mode="json", exclude=set(CHANGES_NO_ANSWER))
    return inputs


def judge_scorer(judge: JudgeConfig, settings: EvaluationConfig, role: Role) -> JudgeScorer:
    """The judge, with a store of judgements that were paid for already.

    Raises:
        WeightsError: when local weights cannot be had.
    """
    engine: Engine
    known_by = ""
    if isinstance(judge.model, EndpointBaseline):
        engine = endpoint_engine(judge.model)
    else:
        directory = fetch(judge.model.source)
        digest = digest_directory(directory).digest
        engine = weights_engine(directory, digest, settings)
        known_by = f"{digest} in {settings.dtype}"
    store = home() / "judgements"
    return JudgeScorer(judge, engine, store=store, weights_digest=known_by, role=role)


def write_judge_report(scorer: JudgeScorer, evaluation: Evaluation, directory: Path) -> None:
    """Keep what is known about the judge, and its means, beside the scores it gave."""
    means = judged_means(evaluation, scorer.config.rubric, scorer.labels, alpha=MEANS_ALPHA)
    kept = {
        "report": scorer.report.model_dump(mode="json"),
        "means": [mean.model_dump(mode="json") for mean in means],
    }
    (directory / REPORT).write_text(json.dumps(kept, indent=2), encoding="utf-8")


def judge_section(evaluations: Mapping[str, StepOutcome]) -> str | None:
    """What the report says about the judge, with the means of every system; None without a judge."""
    found = {
        name: json.loads((outcome.files / REPORT).read_text(encoding="utf-8"))
        for name, outcome in evaluations.items()
        if (outcome.files / REPORT).is_file()
    }
    if not found:
        return None
    means = [
        JudgedMean.model_validate(mean | {"system": name})
        for name, kept in found.items()
        for mean in kept["means"]
    ]
    report = JudgeReport.model_validate(next(iter(found.values()))["report"])
    return judge_report_markdown(report, means)
