"""The judge of a lifecycle: its engine, its scorer, what it depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs.baseline import HOW_IT_IS_ASKED, EndpointBaseline
from configs.judge import JudgeConfig
from configs.lifecycle import EvaluationConfig
from evals.engines.completion import Engine
from evals.judge.columns import Role
from evals.judge.report import judge_report_markdown
from evals.judge.scorer import JudgeScorer
from flows.home import home
from flows.steps.engines import endpoint_engine, weights_engine
from flows.steps.resolve import fetch
from registry.digests import digest_directory, digest_file

REPORT = "judge.md"


def judge_inputs(judge: JudgeConfig | None) -> dict[str, Any] | None:
    """What scores by this judge depend on, by digest."""
    if judge is None:
        return None
    inputs = judge.model_dump(mode="json", exclude={"model": set(HOW_IT_IS_ASKED)})
    if judge.human_labels is not None:
        path = Path(judge.human_labels)
        inputs["labels"] = digest_file(path) if path.is_file() else None
    return inputs


def judge_scorer(judge: JudgeConfig, settings: EvaluationConfig, role: Role) -> JudgeScorer:
    """The judge, with a store of judgements that were paid for already.

    Raises:
        WeightsError: when local weights cannot be had.
    """
    engine: Engine
    digest = ""
    if isinstance(judge.model, EndpointBaseline):
        engine = endpoint_engine(judge.model)
    else:
        directory = fetch(judge.model.source)
        digest = digest_directory(directory).digest
        engine = weights_engine(directory, digest, settings)
    return JudgeScorer(judge, engine, store=home() / "judgements", weights_digest=digest, role=role)


def write_judge_report(scorer: JudgeScorer, directory: Path) -> None:
    """Keep what is known about the judge beside the scores it gave."""
    (directory / REPORT).write_text(judge_report_markdown(scorer.report), encoding="utf-8")
