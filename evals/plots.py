"""Two plots of a decision: scores with intervals, and differences against the margin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from evals.decision import Decision
from evals.evaluation import Evaluation
from evals.stats import estimate

COLOURS = {"promote": "#14713a", "reject": "#a61b1b", "inconclusive": "#c77f00"}


def write_plots(
    directory: Path, decision: Decision, evaluations: Mapping[str, Evaluation]
) -> dict[str, Path]:
    """Write `scores.png` and `differences.png`; returns their paths by title."""
    from matplotlib.figure import Figure

    paths = {"Scores": directory / "scores.png", "Differences": directory / "differences.png"}
    systems = list(evaluations)
    figure = Figure(figsize=(8, 0.5 * len(systems) + 1.4), layout="constrained")
    axes = figure.subplots()
    for position, system in enumerate(reversed(systems)):
        found = estimate(evaluations[system], "micro_f1")
        axes.errorbar(
            found.value,
            position,
            fmt="o",
            color="#2b5c8a",
            capsize=4,
            xerr=[[max(0, found.value - found.low)], [max(0, found.high - found.value)]],
        )
    axes.set_yticks(range(len(systems)), list(reversed(systems)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("micro-F1 with 95% interval")
    axes.grid(axis="x", alpha=0.3)
    figure.savefig(paths["Scores"], dpi=120, metadata={"Software": None})

    checks = [
        (result.candidate, check)
        for result in decision.results
        for check in result.checks
        if check.kind == "non-inferiority"
    ]
    figure = Figure(figsize=(8, 0.5 * len(checks) + 1.6), layout="constrained")
    axes = figure.subplots()
    labels = []
    for position, (candidate, check) in enumerate(reversed(checks)):
        labels.append(f"{candidate} - {check.reference}\n{check.metric}")
        axes.plot([check.low, check.high], [position] * 2, color=COLOURS[check.outcome], lw=3)
        axes.plot(check.value, position, "o", color=COLOURS[check.outcome])
        axes.plot([check.threshold] * 2, [position - 0.4, position + 0.4], color="#333", ls="--")
    axes.axvline(0, color="#999", lw=0.8)
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(-0.6, len(checks) - 0.4)
    axes.set_xlabel("difference, one-sided bounds; dashed: the largest acceptable loss")
    figure.savefig(paths["Differences"], dpi=120, metadata={"Software": None})
    return paths
