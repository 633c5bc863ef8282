"""Scorers `rouge`, `key-facts` and `length`: a summary against the gold one and its key facts.

Does: words in common, required phrases, length. Does not: judge meaning (a judge may).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from configs.task import TaskConfig
from evals.metric import Metric, Ratio, mean_metric
from evals.scorers.scorer import Columns, RowScorer
from evals.scorers.text import words


class RougeScorer(RowScorer):
    """Words and word order that a summary shares with the gold one."""

    measures = "words that the summary shares with the gold one, in order and regardless of it"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """F-measures of ROUGE-L and ROUGE-1 (Lin 2004, W04-1013), averaged over rows."""
        return mean_metric("rouge_l"), mean_metric("rouge_1")

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """F-measures of one row, by Google's `rouge_score` without stemming."""
        [columns] = self.score_all([text], [row], task)
        return columns

    def score_all(
        self, texts: Sequence[str], rows: Sequence[Mapping[str, Any]], task: TaskConfig
    ) -> list[Columns]:
        """See `Scorer.score_all`."""
        from rouge_score.rouge_scorer import RougeScorer as Rouge

        rouge = Rouge(["rougeL", "rouge1"], use_stemmer=False, tokenizer=_Words())
        scores = (rouge.score(row["target"], text) for text, row in zip(texts, rows, strict=True))
        return [
            {"rouge_l": score["rougeL"].fmeasure, "rouge_1": score["rouge1"].fmeasure}
            for score in scores
        ]


class _Words:
    """Tokens of every script; the library's own tokenizer drops what is not a-z or 0-9."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


class KeyFactsScorer(RowScorer):
    """Phrases that a summary must contain."""

    measures = "required phrases of the row that the summary contains"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """Share of all required phrases that are there, and of rows where all are."""
        recall = Ratio(numerator={"facts_found": 1.0}, denominator={"facts_required": 1.0})
        return (
            Metric(name="key_fact_recall", ratios=(recall,)),
            mean_metric("all_key_facts", binary=True),
        )

    def row_fields(self, task: TaskConfig) -> tuple[str, ...]:
        """The field that lists the phrases."""
        return (task.summary.key_facts_field,)

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """A phrase is there when its words stand in the answer one after the other."""
        facts = row[task.summary.key_facts_field]
        answer = f" {' '.join(words(text))} "
        found = sum(
            any(f" {' '.join(words(wording))} " in answer for wording in _wordings(fact))
            for fact in facts
        )
        return {
            "facts_found": found,
            "facts_required": len(facts),
            "all_key_facts": found == len(facts),
        }


def _wordings(fact: str | list[str]) -> list[str]:
    return [fact] if isinstance(fact, str) else fact


class LengthScorer(RowScorer):
    """Whether a summary is about as long as it should be."""

    measures = "whether the summary says something and keeps to the length limits"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """Shares of rows that keep to the limits and that are not empty."""
        return mean_metric("length_kept", binary=True), mean_metric("not_empty", binary=True)

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """Lengths are counted in words, the limits as multiples of the gold summary's length."""
        length, gold = len(words(text)), len(words(row["target"]))
        limits = task.summary
        kept = limits.min_length_ratio * gold <= length <= limits.max_length_ratio * gold
        return {"length_kept": kept, "not_empty": length > 0}
