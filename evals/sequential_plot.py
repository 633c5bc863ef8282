"""Plot of bounds that shrink as documents come in."""

from __future__ import annotations

from pathlib import Path

from evals.sequential_checks import SequentialGate


def write_sequence_plot(path: Path, gate: SequentialGate) -> None:
    """Write one panel per rule: value, bounds after every batch, and the threshold."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6 * len(gate.clauses)), layout="constrained")
    panels = figure.subplots(len(gate.clauses), 1, squeeze=False)[:, 0]
    for axes, clause in zip(panels, gate.clauses, strict=True):
        documents = [bounds.clusters for bounds in clause.history]
        lows = [bounds.low for bounds in clause.history]
        highs = [bounds.high for bounds in clause.history]
        axes.fill_between(documents, lows, highs, color="#2b5c8a", alpha=0.25)
        axes.plot(documents, [bounds.value for bounds in clause.history], "o-", color="#2b5c8a")
        axes.axhline(clause.threshold, color="#333", ls="--")
        axes.set_xlim(0, gate.total_documents)
        axes.set_title(f"{gate.candidate}: {clause.name}", loc="left", fontsize=10)
    panels[-1].set_xlabel(
        "documents asked; shaded: bounds valid at every moment; dashed: threshold"
    )
    figure.savefig(path, dpi=120, metadata={"Software": None})
