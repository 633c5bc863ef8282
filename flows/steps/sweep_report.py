"""What a sweep found: a table of trials, a plot per setting that varies, and the choice in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import State

from configs.durable_files import write_durably
from configs.sweep import SweepConfig
from evals.metric import Metric
from evals.report.tables import markdown_table
from evals.report.wording import counted, value_with_interval
from flows.server_outages import once_the_server_answers
from flows.step_cache import StepCache, StepOutcome
from flows.steps.step_state import publish, publish_image, step, step_state
from flows.steps.sweep_plan import FailedTrial, TrialResult

PLOT, TRIALS, REPORT = "axes.png", "trials.json", "report.md"


@step(name="report sweep", task_run_name="report {sweep.name}")
def report_sweep(
    sweep: SweepConfig,
    metric: Metric,
    scored: Sequence[TrialResult],
    failed: Sequence[FailedTrial],
    best: TrialResult,
    cache: StepCache,
) -> State[Any] | StepOutcome:
    """Publish trials, plot and choice; leaves `trials.json`, `report.md` and `axes.png`.

    Args:
        metric: the task's primary metric.
        scored: at least `best`.
    """
    lines = trial_table(metric, scored, failed, best)

    def work(directory: Path) -> dict[str, Any]:
        header, rows = list(lines[0]), [list(line.values()) for line in lines]
        write_durably(directory / TRIALS, json.dumps(lines, indent=2, ensure_ascii=False))
        said = choice_in_words(metric, scored, failed, best)
        text = f"## Sweep {sweep.name}\n\n{said}\n\n{markdown_table(header, rows)}\n"
        write_durably(directory / REPORT, text)
        write_plot(directory / PLOT, metric, scored, best)
        return {"best": best.trial.number}

    inputs = {"sweep": sweep.name, "metric": metric.model_dump(mode="json"), "trials": lines}
    outcome = cache.run("sweep-report", inputs, work)
    described = f"Trials of the sweep {sweep.name}"
    once_the_server_answers(
        lambda: create_table_artifact(lines, key="sweep-trials", description=described)
    )
    publish("sweep", (outcome.files / REPORT).read_text(), "Trials and the choice among them")
    publish_image("sweep-axes", outcome.files / PLOT, f"{metric.name} against every setting")
    return step_state(outcome, f"best: trial {best.trial.number}")


def trial_table(
    metric: Metric,
    scored: Sequence[TrialResult],
    failed: Sequence[FailedTrial],
    best: TrialResult,
) -> list[dict[str, str]]:
    """One line per trial in the order planned: settings, score with interval and n, costs, state."""
    lines: dict[int, dict[str, str]] = {}
    for found in scored:
        lines[found.trial.number] = {
            "trial": str(found.trial.number),
            **{name: str(value) for name, value in found.trial.settings.items()},
            f"validation {metric.name} (95% interval)": value_with_interval(
                found.value, found.low, found.high
            ),
            "n": f"{counted(found.rows, 'row')}, {counted(found.documents, 'document')}",
            "seconds": f"{found.seconds:.1f}",
            "MB": f"{found.weight_bytes / 1e6:.2f}",
            "trained parameters": f"{found.trained_parameters:,}",
            "state": "best" if found == best else "scored",
        }
    columns = list(next(iter(lines.values())))
    for broken in failed:
        line = dict.fromkeys(columns, "")
        line |= {name: str(value) for name, value in broken.trial.settings.items()}
        number = broken.trial.number
        lines[number] = line | {"trial": str(number), "state": f"failed: {broken.problem}"}
    return [lines[number] for number in sorted(lines)]


def choice_in_words(
    metric: Metric,
    scored: Sequence[TrialResult],
    failed: Sequence[FailedTrial],
    best: TrialResult,
) -> str:
    """Which trial was chosen, by what rule, and what that means for the gate."""
    settings = ", ".join(f"{name} {value}" for name, value in best.trial.settings.items())
    lost = f" {counted(len(failed), 'trial')} failed and took no part." if failed else ""
    return (
        f"Best of {counted(len(scored), 'scored trial')}: trial {best.trial.number} ({settings}), "
        f"{metric.name} {value_with_interval(best.value, best.low, best.high)} on validation rows."
        f"{lost} Trials that are equal to three digits are told apart by the size of their weights, "
        "then by the number of trained parameters.\n\nThe best of several is probably a little "
        "lucky: its validation score is too good an estimate. The gate does not use it. It sees the "
        "test set, which no trial was scored on, and it sees it for the chosen trial alone, so its "
        "error rate holds without a correction for the number of trials."
    )


def write_plot(
    path: Path, metric: Metric, scored: Sequence[TrialResult], best: TrialResult
) -> None:
    """Draw the metric with its interval against every setting that varies (all, if none does)."""
    from matplotlib.figure import Figure

    settings = [found.trial.settings for found in scored]
    varied = [name for name in settings[0] if len({str(s[name]) for s in settings}) > 1]
    shown = varied or list(settings[0])
    figure = Figure(figsize=(4.2 * len(shown), 3.6), layout="constrained")
    panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, shown, strict=True):
        values = [s[name] for s in settings]
        numeric = all(isinstance(value, int | float) for value in values)
        names = [] if numeric else list(dict.fromkeys(map(str, values)))
        for found, value in zip(scored, values, strict=True):
            place = value if numeric else names.index(str(value))
            chosen = found == best
            axes.errorbar(
                place,
                found.value,
                yerr=[[found.value - found.low], [found.high - found.value]],
                fmt="D" if chosen else "o",
                color="#14713a" if chosen else "#2b5c8a",
                ms=9 if chosen else 6,
                capsize=3,
            )
        if name == "learning_rate":
            axes.set_xscale("log")
        if not numeric:
            axes.set_xticks(range(len(names)), names, rotation=20, ha="right", parse_math=False)
            axes.margins(x=0.3)
        axes.set_xlabel(name, parse_math=False)
        axes.grid(alpha=0.3)
    panels[0].set_ylabel(f"{metric.name}, validation", parse_math=False)
    figure.savefig(path, dpi=120, metadata={"Software": None})
