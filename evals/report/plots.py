"""Two plots of a decision: scores with intervals, and every check against its threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.decision import Check, Decision, Outcome
from evals.evaluation import Evaluation
from evals.report.blocks import Figure
from evals.report.wording import (
    OUTCOMES,
    n_words,
    rule_words,
    signed_value_with_bounds,
    threshold_words,
    value_with_interval,
)
from evals.stats.estimates import estimate

COLOURS: dict[Outcome, str] = {
    "promote": "#14713a",
    "reject": "#b3261e",
    "inconclusive": "#9a6200",
}
MARKERS: dict[Outcome, str] = {"promote": "o", "reject": "s", "inconclusive": "D"}
"""Shapes say what colours say, for who cannot tell these apart."""
INK = "#333333"
ROW_INCHES = 0.55

Labelled = tuple[str, Check]
"""Candidate and one of its checks."""


def write_scores(directory: Path, evaluations: Mapping[str, Evaluation], metric: str) -> Figure:
    """Write `scores.png`: one metric of every system that has it, with 95% interval."""
    from matplotlib.figure import Figure as Canvas

    systems = [s for s, e in evaluations.items() if any(m.name == metric for m in e.metrics)]
    found = {system: estimate(evaluations[system], metric) for system in systems}
    figure = Canvas(figsize=(9, ROW_INCHES * len(systems) + 1.1), layout="constrained")
    axes = figure.subplots()
    for position, system in enumerate(reversed(systems)):
        score = found[system]
        axes.plot([score.low, score.high], [position] * 2, color="#2b5c8a", lw=2.5)
        axes.plot(score.value, position, "o", color="#2b5c8a", ms=7)
        text = value_with_interval(score.value, score.low, score.high)
        _note(axes, position, f"{text}\n{n_words(score.rows, score.clusters)}")
    _label_rows(axes, list(reversed(systems)))
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel(f"{metric} with 95% interval", parse_math=False)
    _save(figure, directory / "scores.png")
    words = [
        f"{system} {value_with_interval(s.value, s.low, s.high)}, {n_words(s.rows, s.clusters)}"
        for system, s in found.items()
    ]
    return Figure(
        "scores.png",
        f"{metric} of every system with its 95% interval.",
        f"{metric} of every system: {'; '.join(words)}.",
    )


def write_differences(directory: Path, decision: Decision, main_task: str) -> Figure:
    """Write `differences.png`: comparisons against their margins, and floors in a panel below."""
    from matplotlib.figure import Figure as Canvas

    checks = [(r.candidate, check) for r in decision.results for check in r.checks]
    comparisons = [pair for pair in checks if pair[1].reference]
    floors = [pair for pair in checks if pair[1].kind == "floor"]
    panels = [panel for panel in (comparisons, floors) if panel]
    height = sum(ROW_INCHES * len(panel) + 1.0 for panel in panels) + 0.3
    figure = Canvas(figsize=(9, height), layout="constrained")
    ratios = [ROW_INCHES * len(panel) + 0.6 for panel in panels]
    grid = figure.subplots(len(panels), 1, height_ratios=ratios, squeeze=False)
    for axes, panel in zip(grid[:, 0], panels, strict=True):
        _draw_panel(axes, panel, main_task)
        if panel is comparisons:
            axes.axvline(0, color="#999999", lw=0.8)
            axes.set_xlabel("gain over the reference, one-sided bounds; dashed: the margin")
        else:
            axes.set_xlabel("value, one-sided bounds; dashed: the minimum")
    _save(figure, directory / "differences.png")
    words = [
        f"{candidate}: {rule_words(c, main_task)}{f' against {c.reference}' if c.reference else ''} "
        f"{signed_value_with_bounds(c)}, must be {threshold_words(c)}, "
        f"{n_words(c.rows, c.clusters)}, {c.outcome}"
        for candidate, c in [*comparisons, *floors]
    ]
    return Figure(
        "differences.png",
        "Every comparison against its margin"
        + (", and every floor against its minimum." if floors else "."),
        f"Checks with their bounds. {'; '.join(words)}.",
    )


def _draw_panel(axes: Any, checks: Sequence[Labelled], main_task: str) -> None:
    labels = []
    for position, (candidate, check) in enumerate(reversed(checks)):
        versus = f" − {check.reference}" if check.reference else ""
        rule = rule_words(check, main_task).partition(" of ")[2]
        labels.append(f"{candidate}{versus}\n{rule}")
        colour = COLOURS[check.outcome]
        # A bound that is infinite because the data bound nothing cannot be drawn; metrics end at 1.
        drawn = [max(check.low, -1.0), min(check.high, 1.0)]
        axes.plot(drawn, [position] * 2, color=colour, lw=2.5)
        axes.plot(check.value, position, MARKERS[check.outcome], color=colour, ms=8)
        ends = (
            {check.threshold, -check.threshold}
            if check.kind == "equivalence"
            else {check.threshold}
        )
        for end in sorted(ends):
            axes.plot([end] * 2, [position - 0.4, position + 0.4], color=INK, ls="--", lw=1.4)
        note = f"{signed_value_with_bounds(check)}  {OUTCOMES[check.outcome]}"
        _note(axes, position, f"{note}\n{n_words(check.rows, check.clusters)}", colour)
    _label_rows(axes, labels)
    axes.margins(x=0.05)
    axes.locator_params(axis="x", nbins=6)


def _note(axes: Any, position: int, text: str, colour: str = INK) -> None:
    axes.text(
        1.015,
        position,
        text,
        transform=axes.get_yaxis_transform(),
        va="center",
        fontsize=9,
        color=colour,
        parse_math=False,
    )


def _label_rows(axes: Any, labels: Sequence[str]) -> None:
    axes.set_yticks(range(len(labels)), labels, fontsize=9, parse_math=False)
    axes.set_ylim(-0.6, len(labels) - 0.4)
    axes.grid(axis="x", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)


def _save(figure: Any, path: Path) -> None:
    # Without the library's version in it, the same decision gives the same bytes.
    figure.savefig(path, dpi=150, metadata={"Software": None})
