"""`pawl gate import`: a log of another evaluation tool as an evaluation that a gate can read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from evals.logs.as_evaluation import Imported


def import_log(
    log: Annotated[
        Path,
        typer.Argument(
            help="Output of lm_eval --log_samples, inspect eval or nel eval run: file or directory."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Directory for examples.parquet and evaluation.json.")],
    task: Annotated[str | None, typer.Option(help="Which task, where the log has several.")] = None,
    metric: Annotated[
        list[str] | None,
        typer.Option(help="Metric to keep, the primary one first; may be repeated. Default: all."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            help="Field that names a sample's document, such as doc.passage_id or metadata.patient. "
            "Default: samples with the same input text are one document."
        ),
    ] = None,
    errors_as_wrong: Annotated[
        bool,
        typer.Option(
            "--errors-as-wrong", help="Score failed, halted or unscored samples as wrong."
        ),
    ] = False,
) -> None:
    """Read a log of another tool; two logs of the same samples can then be compared by a policy."""
    from evals.evaluation import write_evaluation
    from evals.logs.as_evaluation import as_evaluation
    from evals.logs.find import read_log
    from flows import console

    imported = as_evaluation(
        read_log(log, task),
        metrics=tuple(metric or ()),
        cluster=cluster,
        errors_as_wrong=errors_as_wrong,
    )
    write_evaluation(imported.evaluation, out)
    for line in summary(imported, out):
        console.say(line)


def summary(imported: Imported, out: Path) -> list[str]:
    """What was read, what was not, and how it was scored, one line each."""
    from evals.report.wording import counted
    from evals.stats.totals import metric_value

    log, evaluation = imported.log, imported.evaluation
    lines = [
        f"{log.tool} {log.version}: {log.model} on {log.task}, "
        f"{counted(evaluation.rows, 'answer')} about {counted(evaluation.clusters, 'document')}"
    ]
    printed = {metric.name: metric.printed for metric in log.metrics}
    for metric in evaluation.metrics:
        value = f"{metric.name} = {metric_value(evaluation.frame, metric):.4f}"
        of_tool = printed[metric.name]
        beside = "" if of_tool is None else f" ({log.tool} reports {of_tool:.4f})"
        direction = "" if metric.higher_is_better else ", lower is better"
        lines.append(f"  {value}{beside}{direction}")
    lines += [f"Left out: {name}, because {why}" for name, why in imported.left_out.items()]
    if imported.scored_wrong:
        found = [f"{name} ({why})" for name, why in imported.scored_wrong.items()]
        lines.append(f"Scored as wrong, {len(found)}: {'; '.join(found)}")
    return [*lines, f"Kept in {out}"]
