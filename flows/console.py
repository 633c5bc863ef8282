"""What the CLI prints: tables for people, on the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import MofNCompleteColumn, Progress
from rich.table import Table

if TYPE_CHECKING:
    from evals.decision import Decision
    from evals.evaluation import Evaluation
    from evals.selftest import Rate, SelfTest
    from flows.lifecycle_summary import LifecycleSummary
    from flows.matrix_summary import MatrixSummary
    from registry.status import ModelStatus

console = Console()
OUTCOME_STYLE = {"promote": "bold green", "reject": "bold red", "inconclusive": "bold yellow"}


def say(message: str) -> None:
    """Print one line, paths unbroken."""
    console.print(message, soft_wrap=True, highlight=False)


def print_summary(summary: LifecycleSummary) -> None:
    """Steps (done or skipped), scores, decision with reasons, and where report and pin are."""
    steps = Table("step", "this run", "work, s", title=f"Lifecycle {summary.lifecycle}")
    for line in summary.steps:
        done = "[cyan]skipped: unchanged[/]" if line.reused else "[green]done[/]"
        steps.add_row(line.step, done, f"{line.seconds:.1f}")
    console.print(steps)
    _print_table(summary.score_header, summary.score_rows)
    _print_outcome(summary.outcome, summary.reasons)
    say(summary.registry)
    say(f"Report: {summary.report / 'report.html'}")
    say(f"Pin: {summary.pin}" if summary.pin else "Pin: none, the model has no champion yet.")


def print_matrix(summary: MatrixSummary) -> None:
    """Scores per task, cells (done, skipped or failed), and where the run is."""
    from evals.report.tables import score_cells
    from flows.matrix_summary import evaluations_by_task

    for task, evaluations in evaluations_by_task(summary.cells).items():
        say(f"Task {task}:")
        _print_table(*score_cells(evaluations))
    cells = Table("candidate", "task", "this run", "work, s", title=f"Matrix {summary.name}")
    shown = {
        "done": "[green]done[/]",
        "reused": "[cyan]skipped: unchanged[/]",
        "failed": "[bold red]failed[/]",
    }
    for cell in summary.cells:
        cells.add_row(cell.candidate, cell.task, shown[cell.outcome], f"{cell.seconds:.1f}")
    console.print(cells)
    say(summary.sentence)
    say(f"MLflow run: {summary.mlflow_run}")


def print_scores(evaluations: Mapping[str, Evaluation]) -> None:
    """Score table of evaluations, each with n and interval."""
    from evals.report.tables import score_cells

    _print_table(*score_cells(evaluations))


def _print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A score table with each interval and n broken over two lines, to fit 80 columns."""
    table = Table(*header, title="Scores with 95% intervals", show_lines=True)
    for cells in rows:
        table.add_row(*(cell.replace(" (", "\n(").replace(", ", "\n") for cell in cells))
    console.print(table)


def print_decision(decision: Decision) -> None:
    """Outcome and reasons; before them, that the decision is not counted, where it should be."""
    from evals.reasons import uncounted_notice

    reasons = decision.reasons
    if uncounted_notice(decision.policy, decision.look) is not None:
        say(reasons[0])
        reasons = reasons[1:]
    _print_outcome(decision.outcome, reasons)


def _print_outcome(outcome: str, reasons: Sequence[str]) -> None:
    console.print(f"Outcome: [{OUTCOME_STYLE.get(outcome, 'bold yellow')}]{outcome}[/]")
    for reason in reasons:
        say(f"- {reason}")


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int], None]]:
    """A bar with the time that remains, moved by the callback `(done, total)` that it yields."""
    columns = (*Progress.get_default_columns(), MofNCompleteColumn())
    hidden = not console.is_terminal
    with Progress(*columns, console=console, transient=True, disable=hidden) as progress:
        bar = progress.add_task(description, total=None)

        def report(done: int, total: int) -> None:
            progress.update(bar, completed=done, total=total)

        yield report


def print_selftest(found: SelfTest) -> None:
    """Promotion rates by true difference, each with its interval and n."""
    table = Table(
        "metric",
        "true difference",
        "promoted",
        "comparison held",
        "reading",
        title=f"Gates on {found.rows} rows of {found.documents} documents, alpha {found.alpha:g}",
        show_lines=True,
    )
    for line in found.lines:
        if line.is_false_promotion:
            reading = f"false promotion, at most {line.allowed:g} allowed"
        elif line.true_difference == 0:
            reading = f"as good as the reference: missed in {1 - line.promoted.value:.3f}"
        else:
            reading = "within the margin"
        table.add_row(
            f"{line.metric}\nmargin {line.margin:g}",
            f"{line.true_difference:+.4g}" + (f"\n{line.where}" if line.true_difference else ""),
            _rate(line.promoted),
            _rate(line.held),
            reading,
        )
    console.print(table)
    for loss in found.not_planted:
        say(f"{loss}.")
    for rule in found.left_out:
        say(f"Not exercised: {rule}.")
    verdict = "holds" if found.keeps_alpha else "does NOT hold"
    say(f"The policy's error rate {verdict} on these scores.")


def _rate(rate: Rate) -> str:
    return f"{rate.value:.3f}\n({rate.low:.3f} to {rate.high:.3f})\nn = {rate.trials}"


def print_status(models: Sequence[ModelStatus], tracking_uri: str) -> None:
    """Every model with champion, age of its evidence, challenger, last decision and ledger entry; what
    makes evidence stale, line by line."""
    if not models:
        say(f"No models at {tracking_uri}. `pawl run demo` makes one.")
        return
    table = Table(title="Models")
    for name in ("model", "champion", "evidence", "challenger", "last decision"):
        table.add_column(name, no_wrap=name == "model")  # a name is to be copied
    for model in models:
        outcome = model.last_outcome or "none"
        table.add_row(
            model.name,
            f"version {model.champion_version}" if model.champion_version else "none",
            _evidence(model),
            f"version {model.challenger_version}" if model.challenger_version else "none",
            f"[{OUTCOME_STYLE.get(outcome, 'dim')}]{outcome}[/]",
        )
    console.print(table)
    for model in models:
        if model.last_change:
            say(f"{model.name}: {escape(model.last_change)}")
        for reason in model.evidence.reasons if model.evidence else ():
            console.print(f"[bold yellow]{model.name}: stale: {escape(reason)}[/]", soft_wrap=True)
        for warning in model.warnings:
            console.print(f"[bold red]{model.name}: {warning}[/]")


def _evidence(model: ModelStatus) -> str:
    if model.evidence is None:
        return "none"
    style = "bold yellow" if model.evidence.reasons else "green"
    return f"[{style}]{model.evidence.summary}[/]"
