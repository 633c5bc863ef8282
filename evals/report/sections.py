"""The parts of a report, in the order in which a reader needs them.

Does: put the findings into sections. Does not: write them down (evals/report/write.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from evals.decision import CandidateResult, Decision
from evals.evaluation import Evaluation
from evals.report.blocks import Block, Bullets, Code, Diff, Figure, Heading, Section, Table, Text
from evals.report.costs import cost_cell, cost_table, latency_cell, savings_table
from evals.report.pooled import pooled_blocks
from evals.report.regressions import (
    PRICE_OF_SHOWING,
    Regression,
    word_diff,
    worst_regressions,
)
from evals.report.tables import check_table, score_cells, shown_metrics, slice_table


def scores_section(
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    sizes_bytes: Mapping[str, int],
    plot: Figure,
) -> Section:
    """Every system with the metrics that matter, n, size, cost and latency."""
    metrics = shown_metrics(evaluations, decision.policy)
    header, rows = score_cells(evaluations, sizes_bytes, metrics)
    prices = decision.policy.prices
    extra = {"latency p95, s": [latency_cell(e, 0.95) for e in evaluations.values()]}
    if prices:
        extra[f"cost per 1,000 documents, {prices.currency}"] = [
            cost_cell(e, prices) for e in evaluations.values()
        ]
    for name, cells in extra.items():
        if any(cells):
            header.append(name)
            rows = [[*row, cell] for row, cell in zip(rows, cells, strict=True)]
    table = Table("Scores of every system", tuple(header), tuple(map(tuple, rows)))
    text = Text("Fractions, where 1 is best, with 95% intervals; documents are resampled whole.")
    return Section("Scores", (text, table, plot))


def checks_section(decision: Decision, main_task: str, plot: Figure) -> Section:
    """The forest plot, every rule with its statistics, and the gate's own sentences."""
    return Section(
        "Checks",
        (
            plot,
            check_table(decision, main_task),
            Heading("In sentences"),
            Bullets(decision.reasons),
        ),
    )


def slices_section(
    evaluations: Mapping[str, Evaluation], metric: str, min_clusters: int
) -> Section | None:
    """The primary metric by slice; None when the task declares no slice."""
    table = slice_table(evaluations, metric, min_clusters)
    if table is None:
        return None
    text = Text(
        f"{metric} with 95% intervals. Small n: fewer than {min_clusters} documents, too few to "
        "conclude anything from."
    )
    return Section("Slices", (text, table))


def guards_section(
    decision: Decision, guards: Mapping[str, Mapping[str, Evaluation]]
) -> Section | None:
    """Scores on the guard tasks; None without any."""
    blocks: list[Block] = []
    for task, evaluations in guards.items():
        header, rows = score_cells(
            evaluations, metrics=shown_metrics(evaluations, decision.policy, task)
        )
        # Sizes stand with the scores on the main task.
        table = Table(
            f"Scores on {task}", tuple(header[:-1]), tuple(tuple(row[:-1]) for row in rows)
        )
        blocks += [Heading(task), table]
    if not blocks:
        return None
    blocks += pooled_blocks(decision)
    text = Text("What the candidates must not lose while they learn the task. 95% intervals.")
    return Section("Guard tasks", (text, *blocks))


def regressions_section(
    decision: Decision, evaluations: Mapping[str, Evaluation], metric: str, show_text: bool
) -> Section:
    """The rows on which the candidate lost most, against every reference on the main task."""
    result = of_interest(decision)
    candidate = result.candidate
    main_task = next(iter(evaluations.values())).task
    references = dict.fromkeys(
        c.reference for c in result.checks if c.reference and c.task == main_task
    )
    blocks: list[Block] = []
    for reference in references:
        system = "fine-tuned" if reference == "unquantized" else str(reference)
        if system not in evaluations or candidate not in evaluations:
            continue
        worst = worst_regressions(evaluations[candidate], evaluations[system], metric)
        blocks.append(Heading(f"{candidate} against {reference}"))
        if not worst:
            blocks.append(Text(f"{candidate} loses on no row."))
            continue
        blocks.append(_regression_table(worst, candidate, system))
        if show_text:
            blocks += [
                Diff(
                    f"Row {row.id}, from the answer of {system} to that of {candidate}:",
                    word_diff(row.reference_output, row.candidate_output),
                )
                for row in worst
            ]
    text = f"Rows on which {candidate} loses most of {metric}, scored row by row."
    if not show_text:
        text += (
            " The answers themselves are not shown, because they may name people; a task whose texts "
            "may be shown says so."
        )
    return Section("Worst regressions", (Text(text), Text(PRICE_OF_SHOWING), *blocks))


def of_interest(decision: Decision) -> CandidateResult:
    """The promoted candidate, or the most wanted that is not rejected, or the most wanted."""
    for result in decision.results:
        if result.candidate == decision.promoted:
            return result
    undecided = [r for r in decision.results if r.outcome != "reject"]
    return (undecided or list(decision.results))[0]


def _regression_table(worst: tuple[Regression, ...], candidate: str, system: str) -> Table:
    header = ("row", "document", f"score of {system}", f"score of {candidate}", "what changed",
              "characters", "ended")  # fmt: skip
    rows = tuple(
        (
            row.id,
            row.cluster,
            f"{row.reference_score:.2f}",
            f"{row.candidate_score:.2f}",
            ", ".join(row.changed),
            f"{len(row.reference_output)} → {len(row.candidate_output)}",
            f"{row.reference_end} → {row.candidate_end}",
        )
        for row in worst
    )
    return Table(f"Rows on which {candidate} lost most against {system}", header, rows)


def costs_section(decision: Decision, evaluations: Mapping[str, Evaluation]) -> Section:
    """Tokens, latency, price, and what stopping early saved."""
    text = Text(
        "Latency is that of a document's slowest row; p50 and p95 are quantiles over documents, with "
        "95% intervals (none: too few documents to bound it). An empty cell was not recorded."
    )
    blocks: list[Block] = [text, cost_table(evaluations, decision.policy.prices)]
    savings = savings_table(decision, evaluations)
    if savings is not None:
        methods = sorted({c.method for r in decision.results for c in r.checks if c.reference})
        blocks += [
            Text(f"Stopped as soon as every rule was settled: {'; '.join(methods)}."),
            savings,
        ]
    return Section("Costs", tuple(blocks))


def lineage_section(decision: Decision, lineage: Mapping[str, str]) -> Section:
    """Everything the decision rests on, by digest."""
    evidence = {f"evaluation of {name}": digest for name, digest in decision.evidence.items()}
    parts = {**lineage, **evidence, "decision": decision.digest}
    table = Table(
        "What the decision rests on", ("part", "digest or version"), tuple(parts.items()), (), (1,)
    )
    return Section("Lineage", (table,))


def policy_section(decision: Decision) -> Section:
    """The policy in full, as it can be written into a configuration."""
    import yaml

    content = decision.policy.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
    return Section("Policy", (Code(text, "yaml"),))


def assumptions_section(
    decision: Decision, evaluations: Mapping[str, Evaluation], baseline_description: str
) -> Section:
    """What must be true for the verdict to mean what it says."""
    methods = sorted({c.method for r in decision.results for c in r.checks})
    items = [
        "The documents of the test set are independent of each other, and stand for those that the "
        "model will meet.",
        "Differences are paired: both systems answered the same rows.",
        f"The baseline is {baseline_description}.",
        "The margins say what loss is acceptable; that is a judgement of whoever wrote the policy, "
        "not a result.",
        f"Bounds and p-values of the checks: {'; '.join(methods)}.",
        "The 95% intervals of the score tables are for reading; they are not corrected for their "
        "number and decide nothing.",
    ]
    if decision.policy.sequential is not None:
        items.append(
            "A candidate that stopped early was stopped because of its scores; its 95% intervals in "
            "the score tables do not allow for that, its checks do."
        )
    if not decision.look.budgeted and decision.look.number > 1:
        items.append(
            f"This is decision {decision.look.number} on the same test set without an alpha budget: "
            "the chance of promoting a bad candidate grows with every one."
        )
    if any((e.frame["latency_s"] > 0).any() for e in evaluations.values()):
        items.append(
            "Latencies are those of the evaluation, on its machine and in its batches; production "
            "may be faster or slower."
        )
    if decision.policy.prices:
        prices = decision.policy.prices
        items.append(
            f"Prices: {prices.input_per_million:g} {prices.currency} per million tokens read, "
            f"{prices.output_per_million:g} per million written."
        )
    items.append("Sizes are those of the safetensors files.")
    return Section("What was assumed", (Bullets(tuple(items)),))
