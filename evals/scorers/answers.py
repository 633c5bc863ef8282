"""Scorers `answer` and `grounding`: an answer to a question about given passages.

Does: compare with the gold answers, and with the passages. Does not: judge whether other words
mean the same (a judge may).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from configs.prompt import prompt_text
from configs.task import TaskConfig
from evals.metric import Metric, Ratio, mean_metric
from evals.scorers.extraction import conforms
from evals.scorers.json_answer import parse_answer
from evals.scorers.scorer import Columns, RowScorer
from evals.scorers.text import squad_tokens


def given_answer(text: str, task: TaskConfig) -> tuple[str, str | None]:
    """The answer that a model gave, and the passage it cites.

    Under an output schema these are `answer` and `citation` of the JSON, "" and None where they
    are no strings; without one the whole text is the answer.
    """
    if task.output_schema is None:
        return text, None
    content = parse_answer(text) or {}
    answer, citation = content.get("answer"), content.get("citation")
    return (
        answer if isinstance(answer, str) else "",
        citation if isinstance(citation, str) else None,
    )


def token_f1(answer: str, gold: str) -> float:
    """Harmonic mean of precision and recall of the tokens of one answer, in [0, 1].

    Source: Rajpurkar et al. 2016 (arXiv 1606.05250), section 6.1. Where either is without tokens,
    1 if both are, else 0 (SQuAD 2.0, Rajpurkar et al. 2018, official script).
    """
    got, wanted = squad_tokens(answer), squad_tokens(gold)
    if not got or not wanted:
        return float(got == wanted)
    shared = (Counter(got) & Counter(wanted)).total()
    return 2 * shared / (len(got) + len(wanted))


def abstains(answer: str, task: TaskConfig) -> bool:
    """Whether an answer is the declared `no_answer`."""
    return squad_tokens(answer) == squad_tokens(task.grounding.no_answer)


class AnswerScorer(RowScorer):
    """The answer's words against the gold answers."""

    measures = "whether the answer is a gold one, and which share of its words"

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """Token F1 and exact match, averaged over rows; under a schema also JSON and conformance."""
        form = ("valid_json", "schema_conformance") if task.output_schema else ()
        exact = mean_metric("exact_match", binary=True)
        return mean_metric("token_f1"), exact, *(mean_metric(name, binary=True) for name in form)

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """The best score over the gold answer and its aliases; abstaining is right or wrong as a
        whole, whatever words it shares."""
        answer, _ = given_answer(text, task)
        target = row["target"]
        golds = [target["answer"], *target.get("aliases", ())]
        tokens = squad_tokens(answer)
        exact = any(tokens == squad_tokens(gold) for gold in golds)
        all_or_nothing = abstains(answer, task) or abstains(golds[0], task)
        f1 = float(exact) if all_or_nothing else max(token_f1(answer, gold) for gold in golds)
        columns: Columns = {"exact_match": exact, "token_f1": f1}
        if task.output_schema is not None:
            content = parse_answer(text)
            columns["valid_json"] = content is not None
            columns["schema_conformance"] = conforms(content, task)
        return columns


class GroundingScorer(RowScorer):
    """The answer against the passages."""

    measures = (
        "whether the answer stands in the passages, abstains where they hold none, cites right"
    )

    def metrics(self, task: TaskConfig) -> tuple[Metric, ...]:
        """`supported`: every word of the answer stands in the passages. `abstention_correct`: it
        abstains exactly where the gold answer does. `abstention_recall`: among those rows only.
        `citation_correct`, under a schema with `citation`: among rows whose gold answer has one."""
        recall = Ratio(numerator={"abstained_rightly": 1.0}, denominator={"unanswerable": 1.0})
        metrics = (
            mean_metric("supported", binary=True),
            mean_metric("abstention_correct", binary=True),
            Metric(name="abstention_recall", ratios=(recall,)),
        )
        if "citation" not in task.fields:
            return metrics
        cited = Ratio(numerator={"cited_rightly": 1.0}, denominator={"citation_asked": 1.0})
        return *metrics, Metric(name="citation_correct", ratios=(cited,))

    def row_fields(self, task: TaskConfig) -> tuple[str, ...]:
        """The field that holds the passages."""
        return (task.grounding.context_field,)

    def columns(self, text: str, row: Mapping[str, Any], task: TaskConfig) -> Columns:
        """An answer without words is not supported; the declared `no_answer` is."""
        answer, citation = given_answer(text, task)
        tokens = set(squad_tokens(answer))
        context = set(squad_tokens(prompt_text(row[task.grounding.context_field])))
        got, wanted = abstains(answer, task), abstains(row["target"]["answer"], task)
        columns: Columns = {
            "supported": got or (bool(tokens) and tokens <= context),
            "abstention_correct": got == wanted,
            "abstained_rightly": int(got and wanted),
            "unanswerable": int(wanted),
        }
        if "citation" in task.fields:
            gold = row["target"].get("citation")
            columns["citation_asked"] = int(gold is not None)
            columns["cited_rightly"] = int(gold is not None and citation == gold)
        return columns
