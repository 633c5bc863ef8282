"""How often a check at the margin passes, over a grid of documents that make that hard to see.

    OMP_NUM_THREADS=1 python -m benchmarks.error_rates [--gates 2000] [--processes 2] [--part 0/1]

The candidate is worse by exactly the margin, given the documents (benchmarks/uneven_documents.py).
Every cell of metric x sizes x losses x noise x number of documents x margin x alpha, in full and in
five group-sequential looks, is decided by the functions that the gate uses. Prints the worst cells, the
number of cells above alpha + 3 standard errors, and beside them a plain threshold and a two-sided 95%
cluster-robust interval (the rule that NeMo Evaluator's gate documents). Exits with 1 if any cell is
above.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import Any

from benchmarks.uneven_documents import Cell, Drawn, draw
from evals.stats.contributions import carriers
from evals.stats.one_sample import bounded_value
from evals.stats.paired import difference_of
from evals.stats.sequential_bounds import Asked, group_sequential_bounds

MIN_CLUSTERS = 30
LOOKS = (0.2, 0.4, 0.6, 0.8, 1.0)
SHOWN = 12
NEMO_QUANTILE = 1.96


@dataclass
class Tally:
    """What gates of one cell did."""

    gates: int = 0
    promoted: int = 0
    sequential: int = 0
    plain: int = 0
    interval: int = 0


def passes(drawn: Drawn, alpha: float) -> tuple[bool, float, float]:
    """Whether the check holds; the value, and its cluster-robust standard error."""
    if drawn.reference is None:
        one = bounded_value(drawn.metric, drawn.candidate, alpha=alpha, rows=drawn.rows)
        low, value, parts, law = one.low, one.value, one.carriers or 0, one.law
    else:
        pair = difference_of(
            drawn.metric, drawn.candidate, drawn.reference, alpha=alpha, rows=drawn.rows
        )
        low, value, parts, law = pair.low, pair.value, pair.carriers, pair.law
    error = float(getattr(law, "standard_error", 0.0))
    return low > drawn.threshold and parts >= MIN_CLUSTERS, value, error


def passes_sequentially(drawn: Drawn, alpha: float, rng: Any) -> bool:
    """Whether it is shown at any of five looks at documents in random order."""
    order = rng.permutation(len(drawn.candidate))
    ours = drawn.candidate[order]
    theirs = None if drawn.reference is None else drawn.reference[order]
    complete = ours if theirs is None else theirs
    looks = sorted(
        {max(40, math.ceil(share * len(order))) for share in LOOKS} & set(range(len(order) + 1))
        | {len(order)}
    )
    systems = [ours] if theirs is None else [ours, theirs]
    asked = Asked(ours, theirs, _rows(drawn, ours), complete)
    history = group_sequential_bounds(
        drawn.metric, asked, drawn.threshold, alpha=alpha, looks=looks, ends=looks,
        spending="obrien-fleming",
    )  # fmt: skip
    return any(
        bounds.shown and carriers(drawn.metric, *(part[:end] for part in systems)) >= MIN_CLUSTERS
        for end, bounds in zip(looks, history, strict=True)
    )


def _rows(drawn: Drawn, ours: Any) -> Any:
    """Rows per document: known for means; for ratios any number above one, which is never exact."""
    import numpy as np

    return ours[:, 1].astype(int) if drawn.metric.name == "accuracy" else np.full(len(ours), 2)


def simulate(cell: Cell, gates: int, seed: int) -> Tally:
    """Decide gates on systems that are drawn anew for each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    tally = Tally()
    for _ in range(gates):
        drawn = draw(cell, rng)
        if drawn is None:
            continue
        passed, value, error = passes(drawn, cell.alpha)
        tally.gates += 1
        tally.promoted += passed
        tally.sequential += passes_sequentially(drawn, cell.alpha, rng)
        tally.plain += value > drawn.threshold
        tally.interval += value - NEMO_QUANTILE * error > drawn.threshold
    return tally


def grid() -> list[Cell]:
    """Every cell; noise and ICC vary together to keep it finite."""
    cells: list[Cell] = []
    sizes = ("equal", "1 to 5", "lognormal", "Zipf", "a tenth has 10", "one has 40%")
    noises = ((0.0, 0.0), (0.1, 0.0), (0.3, 0.3), (0.3, 1.0))
    for law, losses, (noise, icc), n in itertools.product(
        sizes, ("independent", "growing", "largest"), noises, (30, 100, 200, 800)
    ):
        if law == "equal" and losses != "independent":
            continue
        cells.append(Cell("mean", law, losses, noise, icc, n, 0.05, 0.05))
    for metric, law, losses, (noise, icc), n in itertools.product(
        ("micro-F1", "macro-F1", "floor", "bursts"),
        sizes,
        ("independent", "largest"),
        noises[::2],
        (60, 200),
    ):
        cells.append(Cell(metric, law, losses, noise, icc, n, 0.05, 0.05))
    for metric, law, margin, alpha in itertools.product(
        ("mean", "micro-F1", "floor"),
        ("equal", "1 to 5", "lognormal"),
        (0.01, 0.02, 0.1),
        (0.01, 0.05, 0.1),
    ):
        cells.append(Cell(metric, law, "growing", 0.1, 0.3, 400, margin, alpha))
        cells.append(Cell(metric, law, "growing", 0.0, 0.0, 400, margin, alpha, ceiling=True))
    for carrying, n in itertools.product((3, 10, 20, 40), (200,)):
        cells.append(Cell(f"field of {carrying}", "1 to 5", "independent", 0.1, 0.3, n, 0.05, 0.05))
    return cells


def largest_allowed(cell: Cell, gates: int) -> float:
    """alpha plus three standard errors of a rate of alpha."""
    return cell.alpha + 3 * math.sqrt(cell.alpha * (1 - cell.alpha) / max(1, gates))


def main() -> None:
    """Print the worst cells as markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=2000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--part", default="0/1", help="every k-th cell from the j-th: j/k")
    arguments = parser.parse_args()
    first, step = map(int, arguments.part.split("/"))
    cells = grid()[first::step]
    started = time.monotonic()
    with ProcessPoolExecutor(arguments.processes) as pool:
        tallies = list(
            pool.map(simulate, cells, itertools.repeat(arguments.gates), range(len(cells)))
        )
    planted = [
        (c, t) for c, t in zip(cells, tallies, strict=True) if t.gates >= arguments.gates / 2
    ]
    above: Counter[str] = Counter()
    for cell, tally in planted:
        for mode in ("promoted", "sequential", "plain", "interval"):
            rate = getattr(tally, mode) / tally.gates
            above[mode] += rate > largest_allowed(cell, tally.gates)
    print(
        f"{len(planted)} cells of {arguments.gates:,} gates, {len(cells) - len(planted)} in which the "
        f"losses cannot be planted; {time.monotonic() - started:.0f} s\n"
    )
    print(
        "| rule | cells above alpha + 3 standard errors | worst rate / alpha |\n| --- | --- | --- |"
    )
    names = {
        "promoted": "complete",
        "sequential": "five looks",
        "plain": "plain threshold",
        "interval": "two-sided 95% interval",
    }
    for mode, name in names.items():
        worst = max(getattr(t, mode) / t.gates / c.alpha for c, t in planted)
        print(f"| {name} | {above[mode]} | {worst:.2f} |")
    print(
        "\n| metric | sizes | losses | noise, ICC | n | margin | alpha | complete | five looks | plain | interval |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    planted.sort(key=lambda ct: -max(ct[1].promoted, ct[1].sequential) / ct[1].gates / ct[0].alpha)
    for c, t in planted[:SHOWN]:
        rates = (
            f"{count / t.gates:.4f}" for count in (t.promoted, t.sequential, t.plain, t.interval)
        )
        top = ", at the ceiling" if c.ceiling else ""
        print(
            f"| {c.metric}{top} | {c.sizes} | {c.losses} | {c.noise:g}, {c.icc:g} | {c.documents} | "
            f"{c.margin:g} | {c.alpha:g} | {' | '.join(rates)} |"
        )
    sys.exit(1 if above["promoted"] or above["sequential"] else 0)


if __name__ == "__main__":
    main()
