"""The judge as a scorer: columns and metrics for answers that no rule can score.

Does: examine the judge once, refuse it or score by it; add its scores to an evaluation.
Does not: start engines.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from configs.judge import JudgeConfig
from configs.prompt import fill, prompt_fields
from configs.target import target_text
from configs.task import TaskConfig
from evals.engines.completion import Engine
from evals.evaluation import Evaluation
from evals.judge.columns import Role, columns_of, judge_metrics
from evals.judge.examination import examine, require_believed, unexamined
from evals.judge.human_labels import HumanLabel, people_scores, read_human_labels
from evals.judge.judge import Judge
from evals.judge.prompts import Item
from evals.judge.report import JudgeReport
from evals.metric import Metric
from evals.scorers.scorer import Columns


class JudgeScorer:
    """A `Scorer` (evals/scorers/scorer.py) that asks a model."""

    measures = "what a judge model, checked against people, makes of the answers by its rubric"

    def __init__(
        self,
        config: JudgeConfig,
        engine: Engine,
        *,
        store: Path | None = None,
        weights_digest: str = "",
        role: Role = "candidate",
    ) -> None:
        """Args:
        store: directory of judgements paid for already; None keeps none.
        weights_digest: of a local judge's weights, so that others are not taken for it.
        role: what unreadable judgements count as, see `columns_of`.
        """
        self.config, self.role = config, role
        self.judge = Judge(config, engine, store=store, weights_digest=weights_digest)
        self._examined: tuple[JudgeReport, tuple[HumanLabel, ...]] | None = None

    @property
    def report(self) -> JudgeReport:
        """What the examination found; the judge is asked at the first call.

        Raises:
            DataError: when the human labels cannot be read.
            EngineError: when the judge does not answer.
            EvidenceError: when the labels cannot test the judge.
        """
        return self._examination()[0]

    @property
    def labels(self) -> tuple[HumanLabel, ...]:
        """Human labels; empty without a file. Raises as `report`."""
        return self._examination()[1]

    def _examination(self) -> tuple[JudgeReport, tuple[HumanLabel, ...]]:
        if self._examined is None:
            path = self.config.human_labels
            if path is None:
                self._examined = unexamined(self.judge), ()
            else:
                labels = read_human_labels(Path(path), self.config.rubric)
                self._examined = examine(self.judge, labels), labels
        return self._examined

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """`judge`, `judge.CRITERION` and `judge.unreadable`, whatever the task."""
        return judge_metrics(self.config.rubric)

    def row_fields(self, task: TaskConfig) -> tuple[str, ...]:
        """Fields that the judge is shown."""
        return prompt_fields(self.config.input)

    def score_all(
        self, texts: Sequence[str], rows: Sequence[Mapping[str, Any]], task: TaskConfig
    ) -> list[Columns]:
        """Columns of every answer, in the order given.

        Args:
            texts: raw answers, one per row.
            rows: with `id`, the fields of `config.input`, and `target` if there is a right answer.
            task: not looked at.

        Raises:
            DataError: when the human labels cannot be read.
            EngineError: when the judge does not answer; what it answered before is stored.
            EvidenceError: when the judge is refused or more judgements than declared are
                unreadable.
        """
        return judge_columns(self, texts, rows)


def judge_columns(
    scorer: JudgeScorer, texts: Sequence[str], rows: Sequence[Mapping[str, Any]]
) -> list[Columns]:
    """See `JudgeScorer.score_all`."""
    require_believed(scorer.report)
    items = [
        Item(str(row["id"]), fill(scorer.config.input, row), reference_text(row), text)
        for text, row in zip(texts, rows, strict=True)
    ]
    return columns_of(scorer.config.rubric, scorer.judge.score(items), scorer.role)


def reference_text(row: Mapping[str, Any]) -> str:
    """A row's right answer as the judge is shown it: a string as it is, the `answer` of an object
    that has one, any other object as JSON, and nothing for a row without `target`."""
    target = row.get("target")
    if target is None:
        return ""
    if isinstance(target, str) or (isinstance(target, Mapping) and "answer" in target):
        return target_text(target)
    return json.dumps(target, ensure_ascii=False)


def judged(
    evaluation: Evaluation, rows: Sequence[Mapping[str, Any]], scorer: JudgeScorer
) -> Evaluation:
    """An evaluation with the judge's columns and metrics after its own, and beside them what people
    say of the answers that they labelled (columns `people`, `people.CRITERION`, NaN elsewhere).

    Args:
        rows: those that were evaluated, in any order.

    Raises:
        DataError, EngineError, EvidenceError: as `JudgeScorer.score_all`.
    """
    import pandas as pd

    by_id = {row["id"]: row for row in rows}
    frame = evaluation.frame
    columns = judge_columns(scorer, frame["raw_output"].tolist(), [by_id[id] for id in frame["id"]])
    people = people_scores(
        scorer.labels,
        scorer.config.rubric,
        frame["id"].tolist(),
        frame["raw_output"].tolist(),
    )
    added = pd.DataFrame(columns, index=frame.index).assign(**people)
    kept = frame.drop(columns=[name for name in added if name in frame])
    measured = judge_metrics(scorer.config.rubric)
    others = [m for m in evaluation.metrics if all(m.name != new.name for new in measured)]
    return replace(evaluation, metrics=(*others, *measured), frame=pd.concat([kept, added], axis=1))
