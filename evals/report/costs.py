"""What the answers took: tokens, seconds, money, and what stopping early saved.

Does: read what evaluations recorded; what was not recorded is an empty cell. Does not: measure it
(evals/engines/).
"""

from __future__ import annotations

from collections.abc import Mapping

from configs.gate_policy import TokenPrices
from evals.decision import Decision
from evals.evaluation import Evaluation
from evals.report.blocks import Table
from evals.report.wording import n_words, value_with_interval
from evals.running_costs import cost_per_1k_documents
from evals.stats.one_sample import bounded_quantile

TAIL = 0.025
"""Error of each end of a two-sided 95% interval."""


def latency_cell(evaluation: Evaluation, quantile: float) -> str:
    """A quantile, over documents, of the seconds that their slowest row took, with 95% interval.

    Returns:
        An empty cell when no latency was recorded.
    """
    slowest = evaluation.frame.groupby("cluster", sort=True)["latency_s"].max()
    if not (evaluation.frame["latency_s"] > 0).all():
        return ""
    found = bounded_quantile(slowest.to_numpy(), quantile, TAIL, rows=evaluation.rows)
    return value_with_interval(found.value, found.low, found.high)


def cost_cell(evaluation: Evaluation, prices: TokenPrices | None) -> str:
    """Money per thousand documents with 95% interval; empty without prices or token counts."""
    if prices is None or not (evaluation.frame["input_tokens"] > 0).all():
        return ""
    found = cost_per_1k_documents(evaluation, prices, TAIL)
    return value_with_interval(found.value, found.low, found.high)


def cost_table(evaluations: Mapping[str, Evaluation], prices: TokenPrices | None) -> Table:
    """Tokens, latency and price per system."""
    header = ["system", "tokens read", "tokens written", "latency p50, s", "latency p95, s"]
    if prices:
        header.append(f"cost per 1,000 documents, {prices.currency}")
    rows = []
    for system, evaluation in evaluations.items():
        cells = [
            system,
            _total(evaluation, "input_tokens"),
            _total(evaluation, "output_tokens"),
            latency_cell(evaluation, 0.5),
            latency_cell(evaluation, 0.95),
        ]
        if prices:
            cells.append(cost_cell(evaluation, prices))
        rows.append((*cells, n_words(evaluation.rows, evaluation.clusters)))
    return Table("What the answers took", (*header, "n"), tuple(rows))


def savings_table(decision: Decision, evaluations: Mapping[str, Evaluation]) -> Table | None:
    """Per candidate how many of the documents its decision needed; None unless sequential.

    All documents are those of the system that answered most.
    """
    if decision.policy.sequential is None:
        return None
    rows_in_all = max(e.rows for e in evaluations.values())
    documents_in_all = max(e.clusters for e in evaluations.values())
    rows = []
    for result in decision.results:
        asked = evaluations.get(result.candidate)
        if asked is None:
            continue
        saved = 1 - asked.rows / rows_in_all
        rows.append(
            (
                result.candidate,
                n_words(asked.rows, asked.clusters),
                n_words(rows_in_all, documents_in_all),
                f"{100 * saved:.0f}% of the rows",
            )
        )
    header = ("candidate", "asked", "test set", "saved")
    return Table("What stopping early saved", header, tuple(rows))


def _total(evaluation: Evaluation, column: str) -> str:
    total = int(evaluation.frame[column].sum())
    return f"{total:,}" if total else ""
