"""Scores of candidate, champion and baseline over the decisions of a model, as a plot.

Does: draw. Does not: choose what is worth drawing (flows/dashboard/page.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from registry.score_history import ROLES, DecidedScores, Role

LOOKS: dict[Role, tuple[str, str]] = {
    "candidate": ("#2b5c8a", "o"),
    "champion": ("#14713a", "s"),
    "baseline": ("#9a6200", "D"),
    "base": ("#777777", "v"),
}
"""Colour and marker: shapes say what colours say, for who cannot tell these apart."""
SHIFT = 0.06
"""Between the roles of one decision, in decisions, so that intervals do not hide each other."""


def write_trend(path: Path, history: Sequence[DecidedScores], metric: str) -> None:
    """Write a PNG: one metric with 95% intervals by decision and role.

    Args:
        history: at least one decision that has the metric.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    for number, role in enumerate(ROLES):
        points = [
            (place + (number - 1.5) * SHIFT, decided.scores[role][metric])
            for place, decided in enumerate(history)
            if metric in decided.scores.get(role, {})
        ]
        if not points:
            continue
        colour, marker = LOOKS[role]
        places = [place for place, _ in points]
        values = [score.value for _, score in points]
        errors = [
            [score.value - score.low for _, score in points],
            [score.high - score.value for _, score in points],
        ]
        axes.errorbar(
            places, values, yerr=errors, color=colour, marker=marker, capsize=3, lw=1.3, label=role
        )
    labels = [f"version {decided.version}\n{decided.outcome}" for decided in history]
    axes.set_xticks(range(len(history)), labels, fontsize=8, parse_math=False)
    axes.set_xlim(-0.6, len(history) - 0.4)
    axes.set_ylabel(metric, parse_math=False)
    axes.grid(axis="y", alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(
        frameon=False, fontsize=9, ncols=len(ROLES), loc="lower left", bbox_to_anchor=(0, 1)
    )
    figure.savefig(path, dpi=150, metadata={"Software": None})
