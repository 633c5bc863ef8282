"""Tables of scores and checks, every figure with its interval and n.

Does: cells and markdown tables. Does not: estimate (evals/stats/), or lay out a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from configs.gate_policy import GateConfig
from evals.decision import Check, Decision
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.pooled_words import counts_words
from evals.report.blocks import Table
from evals.report.wording import (
    OUTCOMES,
    n_words,
    p_words,
    rule_words,
    signed_value_with_bounds,
    threshold_words,
    value_with_interval,
)
from evals.stats.estimates import Estimate, estimate

TASK_METRICS = 6
"""Metrics of the task that are shown besides the policy's: those it lists first."""


def markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A GitHub-style markdown table; cells are markdown, in which a pipe is escaped."""

    def line(cells: Sequence[str]) -> str:
        flat = (cell.replace("|", "\\|").replace("\n", " ") for cell in cells)
        return "| " + " | ".join(flat) + " |"

    return "\n".join([line(header), "|" + " --- |" * len(header), *map(line, rows)])


def shown_metrics(
    evaluations: Mapping[str, Evaluation],
    policy: GateConfig | None = None,
    guard_task: str | None = None,
) -> tuple[str, ...]:
    """Names of the metrics that matter: the policy's, then the first six that the task measures.

    Args:
        guard_task: whose rules of the policy count; None for those on the lifecycle's task.
    """
    measured = dict.fromkeys(m.name for e in evaluations.values() for m in e.metrics)
    wanted: list[str] = []
    if policy is not None:
        wanted += [rule.metric for rule in policy.comparisons if rule.task == guard_task]
        wanted += [rule.metric for rule in policy.floors if rule.task == guard_task]
    wanted = [name for name in wanted if name in measured]
    return tuple(dict.fromkeys([*wanted, *list(measured)[:TASK_METRICS]]))


def scores_of(
    evaluations: Mapping[str, Evaluation], metrics: Sequence[str]
) -> dict[str, dict[str, Estimate]]:
    """Estimates with 95% intervals by system and metric; a metric that is not measured is absent."""
    return {
        system: {
            metric: estimate(evaluation, metric)
            for metric in metrics
            if any(metric == measured.name for measured in evaluation.metrics)
        }
        for system, evaluation in evaluations.items()
    }


def score_cells(
    evaluations: Mapping[str, Evaluation],
    sizes_bytes: Mapping[str, int] | None = None,
    metrics: Sequence[str] | None = None,
) -> tuple[list[str], list[list[str]]]:
    """Header and cells of a score table: per system the metrics with 95% intervals, n and size.

    Args:
        sizes_bytes: weights on disk by system, where known.
        metrics: names; the first six that the task measures if None. A metric that an evaluation
            lacks is an empty cell.
    """
    shown = shown_metrics(evaluations) if metrics is None else tuple(metrics)
    scores = scores_of(evaluations, shown)
    rows = []
    for system, evaluation in evaluations.items():
        cells = [_score_cell(scores[system].get(metric)) for metric in shown]
        size = (sizes_bytes or {}).get(system)
        n = n_words(evaluation.rows, evaluation.clusters)
        rows.append([system, *cells, n, f"{size / 1e6:.2f} MB" if size else ""])
    return ["system", *shown, "n", "size"], rows


def _score_cell(found: Estimate | None) -> str:
    return value_with_interval(found.value, found.low, found.high) if found else ""


def score_table(
    evaluations: Mapping[str, Evaluation],
    sizes_bytes: Mapping[str, int] | None = None,
    metrics: Sequence[str] | None = None,
) -> str:
    """`score_cells` as a markdown table."""
    return markdown_table(*score_cells(evaluations, sizes_bytes, metrics))


def check_table(decision: Decision, main_task: str) -> Table:
    """Every rule as it was applied to every candidate."""
    rows, outcomes = [], []
    for result in decision.results:
        for check in result.checks:
            rows.append(
                (
                    result.candidate,
                    rule_words(check, main_task),
                    check.reference or "",
                    threshold_words(check),
                    _found(check),
                    p_words(check.p_value),
                    f"{check.alpha:.4g}",
                    n_words(check.rows, check.clusters),
                    OUTCOMES[check.outcome],
                    check.reason,
                )
            )
            outcomes.append(check.outcome)
    header = ("candidate", "rule", "against", "must be", "value (bounds)", "p", "alpha", "n",
              "outcome", "reason")  # fmt: skip
    return Table("Every rule, applied to every candidate", header, tuple(rows), tuple(outcomes))


def _found(check: Check) -> str:
    """Value and bounds of a check; of one over several guard tasks the counts too."""
    value = signed_value_with_bounds(check)
    return value if check.pooled is None else f"{value}; {counts_words(check, check.pooled)}"


def slice_table(
    evaluations: Mapping[str, Evaluation], metric: str, min_clusters: int
) -> Table | None:
    """One metric per slice and system; None when no slice is declared.

    Args:
        min_clusters: a slice of fewer documents is marked as small.
    """
    columns = dict.fromkeys(
        column
        for e in evaluations.values()
        for column in map(str, e.frame.columns)
        if column.startswith(SLICE_PREFIX)
    )
    rows = []
    for column in columns:
        parts = {
            system: e.frame.groupby(e.frame[column].astype(str), sort=True)
            for system, e in evaluations.items()
            if column in e.frame
        }
        for value in sorted({str(value) for groups in parts.values() for value in groups.groups}):
            cells: list[str] = []
            counts: dict[str, str] = {}
            for system, e in evaluations.items():
                present = system in parts and value in parts[system].groups
                if not present or all(m.name != metric for m in e.metrics):
                    cells.append("")
                    continue
                found = estimate(e, metric, frame=parts[system].get_group(value))
                small = " (small n)" if found.clusters < min_clusters else ""
                cells.append(value_with_interval(found.value, found.low, found.high))
                counts[system] = n_words(found.rows, found.clusters) + small
            rows.append((f"{column.removeprefix(SLICE_PREFIX)} = {value}", *cells, _n_cell(counts)))
    header = ("slice", *evaluations, "n")
    return Table(f"{metric} by slice", header, tuple(rows)) if rows else None


def _n_cell(counts: Mapping[str, str]) -> str:
    """The n that all systems share, or that of each."""
    if len(set(counts.values())) <= 1:
        return next(iter(counts.values()), "")
    return "; ".join(f"{system}: {n}" for system, n in counts.items())
