"""What an evaluation matrix tells the person who ran it, and what MLflow keeps of it.

Does: put the cells into tables with intervals and n, and into one MLflow run per content.
Does not: evaluate (flows/evaluation_matrix.py).
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from configs.canonical_json import digest_json
from configs.evaluation_matrix import MatrixConfig
from evals.evaluation import Evaluation, read_evaluation
from evals.report.tables import markdown_table, score_table, scores_of, shown_metrics
from registry.store import ModelStore

MATRIX_TAG = "pawl.matrix"
TABLE_FILE = "matrix.json"
LONGEST_KEY = 250


class MatrixCell(BaseModel):
    """One candidate on one task."""

    candidate: str
    task: str
    outcome: Literal["done", "reused", "failed"]
    seconds: float = 0.0
    """How long the work took when it was done (not now, if reused)."""
    digest: str = ""
    """Digest of the evaluation's files; empty if it failed."""
    files: Path | None = None
    """Directory of those files."""
    error: str = ""
    """Why it failed."""


class MatrixSummary(BaseModel):
    """Result of an evaluation matrix."""

    name: str
    cells: list[MatrixCell]
    markdown: str
    """Tables of scores with 95% intervals and n, one per task, and what failed."""
    mlflow_run: str
    """Id of the MLflow run with the scores."""

    @property
    def failed(self) -> list[MatrixCell]:
        """Cells without scores."""
        return [cell for cell in self.cells if cell.outcome == "failed"]

    @property
    def sentence(self) -> str:
        """How many cells were done, reused and failed, and which failed."""
        count = {k: sum(c.outcome == k for c in self.cells) for k in ("done", "reused", "failed")}
        # Candidates of the same bytes share one piece of work.
        work = sum({c.files: c.seconds for c in self.cells if c.outcome == "done"}.values())
        text = (
            f"{len(self.cells)} cells: {count['done']} done in {work:.1f} s of work, "
            f"{count['reused']} reused, {count['failed']} failed"
        )
        named = "; ".join(f"{c.candidate} on {c.task}: {c.error}" for c in self.failed)
        return f"{text} ({named})" if named else text


def summarized(config: MatrixConfig, cells: list[MatrixCell], store: ModelStore) -> MatrixSummary:
    """Tables of the cells, also kept in MLflow; the same cells make no second run.

    Raises:
        RegistryError: when MLflow is unreachable.
    """
    scores = cell_scores(cells)
    markdown = _markdown(config, cells)
    content = digest_json({"name": config.name, "cells": [_identity(cell) for cell in cells]})
    run_id = store.tagged_run(MATRIX_TAG, content)
    if run_id is None:
        run_id = store.start_run(f"matrix {config.name}", {MATRIX_TAG: content})
    # Attached last: without it, a run that crashed is completed here.
    if TABLE_FILE not in store.attached_names(run_id):
        store.log_params(run_id, {c.name: c.source for c in config.candidates})
        metrics = {
            metric_key(row["task"], row["candidate"], row["metric"]): row["value"]
            for row in scores
            if math.isfinite(row["value"])
        }
        if metrics:
            store.log_metrics(run_id, metrics, 0)
        with tempfile.TemporaryDirectory() as scratch:
            page, table = Path(scratch) / "matrix.md", Path(scratch) / TABLE_FILE
            page.write_text(markdown, encoding="utf-8")
            table.write_text(json.dumps(scores, indent=2), encoding="utf-8")
            store.attach(run_id, [page, table])
        store.end_run(run_id, "FINISHED")
    return MatrixSummary(name=config.name, cells=cells, markdown=markdown, mlflow_run=run_id)


def metric_key(task: str, candidate: str, metric: str) -> str:
    """Name of a cell's metric that MLflow takes, whose names are relative paths of a few characters.

    Args:
        task: may be a path, also an absolute one.
    """
    parts = [part for part in f"{task}/{candidate}/{metric}".split("/") if part.strip(".")]
    return re.sub(r"[^\w.\- :/]", "_", "/".join(parts))[-LONGEST_KEY:].lstrip("/")


def _identity(cell: MatrixCell) -> dict[str, str]:
    return cell.model_dump(mode="json", include={"candidate", "task", "digest", "error"})


def cell_scores(cells: list[MatrixCell]) -> list[dict[str, Any]]:
    """One line per cell and metric: value, 95% interval, rows and independent documents."""
    lines = []
    for cell in cells:
        if cell.files is None:
            continue
        evaluations = {cell.candidate: read_evaluation(cell.files, cell.candidate)}
        found = scores_of(evaluations, shown_metrics(evaluations))[cell.candidate]
        for metric, score in found.items():
            lines.append(
                {
                    "candidate": cell.candidate, "task": cell.task, "metric": metric,
                    "value": score.value, "low": score.low, "high": score.high,
                    "rows": score.rows, "documents": score.clusters,
                    "this run": cell.outcome, "work, s": round(cell.seconds, 2),
                }
            )  # fmt: skip
    return lines


def evaluations_by_task(cells: list[MatrixCell]) -> dict[str, dict[str, Evaluation]]:
    """The evaluations of the cells that have one, by task and candidate, in their order."""
    found: dict[str, dict[str, Evaluation]] = {}
    for cell in cells:
        if cell.files is not None:
            read = read_evaluation(cell.files, cell.candidate)
            found.setdefault(cell.task, {})[cell.candidate] = read
    return found


def _markdown(config: MatrixConfig, cells: list[MatrixCell]) -> str:
    parts = [f"## Matrix {config.name}", "Scores with 95% intervals."]
    for task, evaluations in evaluations_by_task(cells).items():
        parts.append(f"### {task}\n\n{score_table(evaluations)}")
    if failed := [[c.candidate, c.task, c.error] for c in cells if c.outcome == "failed"]:
        parts.append("### Failed\n\n" + markdown_table(["candidate", "task", "why"], failed))
    return "\n\n".join(parts)
