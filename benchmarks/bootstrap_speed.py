"""Seconds that the guarded BCa bootstrap takes on one core.

    OMP_NUM_THREADS=1 python -m benchmarks.bootstrap_speed [--clusters 5000] [--resamples 10000]

Prints the seconds of a whole paired difference of micro-F1, both bounds, and the peak memory.
"""

from __future__ import annotations

import argparse
import resource
import time

from benchmarks.simulated_systems import KINDS, draw_pair
from evals.stats.paired import paired_difference


def main() -> None:
    """Time the fastest of three runs."""
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clusters", type=int, default=5000)
    parser.add_argument("--resamples", type=int, default=10_000)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    pair = draw_pair(KINDS["micro-F1"], -0.01, arguments.clusters, clustered=True, rng=rng)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        found = paired_difference(
            *pair, "micro_f1", alpha=0.05, resamples=arguments.resamples, seed=0
        )
        seconds.append(time.perf_counter() - started)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(
        f"{arguments.resamples:,} resamples over {arguments.clusters:,} clusters: "
        f"{min(seconds):.2f} s, {grown:.0f} MiB more memory; "
        f"difference {found.value:+.4f}, bounds {found.low:+.4f} to {found.high:+.4f}"
    )


if __name__ == "__main__":
    main()
