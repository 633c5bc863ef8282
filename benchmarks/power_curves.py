"""How often gates promote, by true difference and number of documents; fixed and sequential.

    python -m benchmarks.power_curves [--gates 1000] [--processes 2] [--kinds micro-F1] [--out DIR]

Prints a table per metric and writes `power.png`: promotion rate by true difference, and how many
documents the sequential gate used of those that the fixed one needs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.calibration import MARGIN, Scenario, Tally, run

DIFFERENCES = (-0.10, -0.05, -0.025, 0.0, 0.025, 0.05, 0.10)
DOCUMENTS = (100, 200, 400, 800)
KINDS = ("accuracy", "micro-F1")


def main() -> None:
    """Print tables as markdown and write the plot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=1000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--out", type=Path, default=Path())
    arguments = parser.parse_args()
    found: dict[Scenario, Tally] = {}
    for kind in arguments.kinds:
        print(f"\n{kind}, rows clustered, margin {MARGIN:g}, {arguments.gates:,} gates per cell:")
        print("promotion rate fixed / sequential (share of the documents that sequential used)\n")
        print("| true difference | " + " | ".join(f"n = {n}" for n in DOCUMENTS) + " |")
        print("| --- |" + " --- |" * len(DOCUMENTS))
        for difference in DIFFERENCES:
            cells = []
            for documents in DOCUMENTS:
                pair = [
                    Scenario(kind, True, sequential, difference, documents)
                    for sequential in (False, True)
                ]
                found |= run(pair, arguments.gates, arguments.processes)
                fixed, sequential = (found[scenario] for scenario in pair)
                used = sequential.documents_used / sequential.gates / documents
                cells.append(
                    f"{fixed.promoted / fixed.gates:.3f} / "
                    f"{sequential.promoted / sequential.gates:.3f} ({used:.2f})"
                )
            print(f"| {difference:+.3f} | " + " | ".join(cells) + " |", flush=True)
    _plot(found, arguments.kinds, arguments.out / "power.png")


def _plot(found: dict[Scenario, Tally], kinds: Sequence[str], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(kinds), 4), layout="constrained")
    for axes, kind in zip(figure.subplots(1, len(kinds), squeeze=False)[0], kinds, strict=True):
        for number, documents in enumerate(DOCUMENTS):
            for sequential, style in ((False, "-"), (True, "--")):
                rates = [
                    found[Scenario(kind, True, sequential, difference, documents)]
                    for difference in DIFFERENCES
                ]
                axes.plot(
                    DIFFERENCES,
                    [tally.promoted / tally.gates for tally in rates],
                    style,
                    color=f"C{number}",
                    label=f"n = {documents}, {'sequential' if sequential else 'fixed'}",
                )
        axes.axvline(-MARGIN, color="#333", lw=0.8)
        axes.axhline(0.05, color="#999", lw=0.8, ls=":")
        axes.set_title(f"{kind}, margin {MARGIN:g}")
        axes.set_xlabel("true difference, candidate - reference")
        axes.set_ylabel("promotion rate")
        axes.legend(fontsize=7)
    figure.savefig(path, dpi=120)
    print(f"\n{path}")


if __name__ == "__main__":
    main()
