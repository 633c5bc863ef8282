"""How often gates promote a candidate that is worse by exactly the margin.

    python -m benchmarks.calibration [--gates 10000] [--documents 200] [--processes 2]

For each kind of metric, rows clustered and not, fixed and sequential: the share of simulated gates
that promote, which must be at most alpha + 3 standard errors, and beside it that of a gate which
compares the two averages with the same threshold. Exits with 1 if any rate is too high.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product

from benchmarks.simulated_systems import KINDS, draw_pair
from configs.gate_policy import Comparison, GateConfig
from configs.gate_settings import Sequential
from evals.evidence import Evidence
from evals.gate import decide
from evals.stats.totals import metric_value

ALPHA = 0.05
MARGIN = 0.05
CHUNK = 250


@dataclass(frozen=True)
class Scenario:
    """What is simulated."""

    kind: str
    clustered: bool
    sequential: bool
    true_difference: float
    documents: int


@dataclass(frozen=True)
class Tally:
    """What simulated gates did."""

    gates: int = 0
    promoted: int = 0
    rejected: int = 0
    plain_promoted: int = 0
    """By comparing averages with the threshold."""
    documents_used: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.gates + other.gates,
            self.promoted + other.promoted,
            self.rejected + other.rejected,
            self.plain_promoted + other.plain_promoted,
            self.documents_used + other.documents_used,
        )


def largest_allowed(gates: int, alpha: float = ALPHA) -> float:
    """alpha plus three standard errors of a rate of alpha."""
    return float(alpha + 3 * (alpha * (1 - alpha) / gates) ** 0.5)


def policy_of(scenario: Scenario, metric: str) -> GateConfig:
    """One comparison at the margin."""
    return GateConfig(
        alpha=ALPHA,
        comparisons=(Comparison(metric=metric, margin=MARGIN, references=("baseline",)),),
        sequential=Sequential() if scenario.sequential else None,
    )


def simulate(scenario: Scenario, gates: int, seed: int) -> Tally:
    """Run gates on systems that are drawn anew for each."""
    import numpy as np

    rng = np.random.default_rng(seed)
    kind = KINDS[scenario.kind]
    metric = kind.metric
    policy = policy_of(scenario, metric.name)
    tally = Tally()
    for number in range(gates):
        candidate, baseline = draw_pair(
            kind,
            scenario.true_difference,
            scenario.documents,
            clustered=scenario.clustered,
            rng=rng,
        )
        evidence = Evidence(
            {"candidate": candidate, "baseline": baseline},
            {"candidate": "drawn", "baseline": "drawn"},
        )
        decision = decide(policy, ["candidate"], evidence, seed=seed + number)
        [check] = decision.results[0].checks
        observed = metric_value(candidate.frame, metric) - metric_value(baseline.frame, metric)
        tally += Tally(
            1,
            decision.outcome == "promote",
            decision.outcome == "reject",
            observed > -MARGIN,
            check.clusters,
        )
    return tally


def run(scenarios: Iterable[Scenario], gates: int, processes: int) -> dict[Scenario, Tally]:
    """Simulate every scenario on several processes."""
    jobs = [
        (scenario, min(CHUNK, gates - start), 1_000_003 * number + start)
        for number, scenario in enumerate(scenarios)
        for start in range(0, gates, CHUNK)
    ]
    found: dict[Scenario, Tally] = {}
    with ProcessPoolExecutor(processes) as pool:
        futures = [
            (scenario, pool.submit(simulate, scenario, n, seed)) for scenario, n, seed in jobs
        ]
        for scenario, future in futures:
            found[scenario] = found.get(scenario, Tally()) + future.result()
    return found


def at_the_margin(documents: int) -> list[Scenario]:
    """Every kind of metric, clustered and not, fixed and sequential, worse by the margin."""
    return [
        Scenario(kind, clustered, sequential, -MARGIN, documents)
        for sequential, kind, clustered in product((False, True), KINDS, (False, True))
    ]


def main() -> None:
    """Print the table as markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gates", type=int, default=10_000)
    parser.add_argument("--documents", type=int, default=200)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    allowed = largest_allowed(arguments.gates)
    started = time.monotonic()
    print(
        f"{arguments.gates:,} gates per line, {arguments.documents} documents, true difference "
        f"{-MARGIN:+g}, margin {MARGIN:g}, alpha {ALPHA:g}; largest allowed {allowed:.4f}\n"
    )
    print("| metric | rows | mode | promoted | plain threshold | documents used |")
    print("| --- | --- | --- | --- | --- | --- |")
    too_high = False
    for scenario in at_the_margin(arguments.documents):
        tally = run([scenario], arguments.gates, arguments.processes)[scenario]
        rate = tally.promoted / tally.gates
        too_high |= rate > allowed
        print(
            f"| {scenario.kind} | {'clustered' if scenario.clustered else 'independent'} | "
            f"{'sequential' if scenario.sequential else 'fixed'} | {rate:.4f} | "
            f"{tally.plain_promoted / tally.gates:.3f} | "
            f"{tally.documents_used / tally.gates:.0f} |",
            flush=True,
        )
    print(f"\n{time.monotonic() - started:.0f} s")
    sys.exit(1 if too_high else 0)


if __name__ == "__main__":
    main()
