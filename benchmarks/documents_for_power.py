"""How many documents the gate needs for 80% power, beside one that knows the variance.

    OMP_NUM_THREADS=1 python -m benchmarks.documents_for_power [--gates 1000]

Margin 0.05, alpha 0.05, true difference 0; the systems of benchmarks/simulated_systems.py. The oracle
is the normal test with the true standard deviation of a document's linearised difference.
"""

from __future__ import annotations

import argparse
import math
from statistics import NormalDist

from benchmarks.calibration import ALPHA, MARGIN
from benchmarks.simulated_systems import KINDS, Kind, draw_pair
from evals.stats.paired import paired_difference

POWER = 0.8
FIRST, STEP = 40, 1.06
LARGE = 20_000
BEFORE = {
    ("accuracy", True): 147,
    ("graded score", True): 97,
    ("micro-F1", False): 108,
    ("micro-F1", True): 92,
}
"""What the gate needed before its bounds were corrected for skewness, where that was measured."""


def power(kind: Kind, clustered: bool, documents: int, gates: int, seed: int) -> float:
    """Share of gates that promote."""
    import numpy as np

    rng = np.random.default_rng(seed)
    passed = 0
    for _ in range(gates):
        pair = draw_pair(kind, 0.0, documents, clustered=clustered, rng=rng)
        passed += paired_difference(*pair, kind.metric.name, alpha=ALPHA).low > -MARGIN
    return passed / gates


def needed(kind: Kind, clustered: bool, gates: int) -> int:
    """Documents at which the power reaches 80%, between the two sizes tried around it."""
    documents, before = FIRST, (0, 0.0)
    while True:
        found = power(kind, clustered, documents, gates, documents)
        if found >= POWER:
            share = (POWER - before[1]) / (found - before[1])
            return round(before[0] + share * (documents - before[0]))
        before, documents = (documents, found), math.ceil(documents * STEP)


def oracle(kind: Kind, clustered: bool) -> int:
    """Documents that the normal test with the true variance needs."""
    import numpy as np

    pair = draw_pair(kind, 0.0, LARGE, clustered=clustered, rng=np.random.default_rng(1))
    contributions = paired_difference(*pair, kind.metric.name, alpha=ALPHA).contributions
    assert contributions is not None
    deviation = float((contributions.residuals * LARGE).std(ddof=1))
    quantiles = NormalDist().inv_cdf(1 - ALPHA) + NormalDist().inv_cdf(POWER)
    return math.ceil((quantiles * deviation / MARGIN) ** 2)


def main() -> None:
    """Print the table as markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=1000)
    arguments = parser.parse_args()
    print(
        "| metric | rows per document | documents | before | oracle |\n| --- | --- | --- | --- | --- |"
    )
    for name in ("accuracy", "graded score", "micro-F1"):
        for clustered in (False, True):
            kind = KINDS[name]
            documents = needed(kind, clustered, arguments.gates)
            before = BEFORE.get((name, clustered), "")
            print(
                f"| {name} | {'1 to 5' if clustered else '1'} | {documents} | {before} | "
                f"{oracle(kind, clustered)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
