"""Scorer `classification`: one label of a fixed set.

Does: compare labels under the task's normalization. Does not: search an answer for a label.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from configs.task import TaskConfig
from evals.metric import Metric, count_metrics, f1_ratio, mean_metric
from evals.scorers.scorer import Columns, RowScorer
from evals.scorers.text import normalize


def label_of(text: str, task: TaskConfig) -> str | None:
    """The label that the whole answer is after normalization, or None."""
    answer = normalize(text, task.normalization)
    for label in task.labels:
        if answer == normalize(label, task.normalization):
            return label
    return None


class ClassificationScorer(RowScorer):
    """One label per row."""

    measures = "whether the label is right, per label and in all, and whether it is a label"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """Accuracy, macro-F1, share of answers that are a label, and micro-averages in all and by
        label.

        Macro-F1 is the mean of the labels' F1 (Opitz and Burst 2019, arXiv 1911.03347, equation 3);
        labels that neither the gold nor an answer has are left out.
        """
        macro = Metric(name="macro_f1", ratios=tuple(f1_ratio(f".{name}") for name in task.labels))
        per_label = (metric for name in task.labels for metric in count_metrics(f".{name}"))
        return (
            mean_metric("accuracy", binary=True),
            macro,
            *count_metrics(),
            mean_metric("valid_label", binary=True),
            *per_label,
        )

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """Counts per label and in all; an answer that is no label misses the gold one."""
        gold, got = row["target"], label_of(text, task)
        columns: Columns = {
            "accuracy": got == gold,
            "valid_label": got is not None,
            "tp": int(got == gold),
            "fp": int(got not in (None, gold)),
            "fn": int(got != gold),
        }
        for label in task.labels:
            columns[f"tp.{label}"] = int(gold == got == label)
            columns[f"fp.{label}"] = int(got == label != gold)
            columns[f"fn.{label}"] = int(gold == label != got)
        return columns
