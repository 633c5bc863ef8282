"""Whether the pre-flight, and "about N more documents", name the number that is then needed.

    python -m benchmarks.preflight_accuracy [--pilots 20] [--documents 150] [--gates 400]

For each kind of metric, rows clustered and not: documents that the pre-flight predicts from pilots of
baseline and champion (median and quartiles over pilots), documents that inconclusive checks would ask
for on half the documents that are needed, and documents that the gate really needs for power 0.8, by simulating gates on
systems drawn anew for each.
"""

from __future__ import annotations

import argparse
import statistics
import time
from itertools import product

from benchmarks.simulated_systems import KINDS, draw_pair
from configs.gate_policy import Comparison, GateConfig
from evals.documents_needed import further_documents
from evals.evaluation import Evaluation
from evals.power_search import PowerSearch
from evals.preflight import forecast_size
from evals.stats.paired import difference_of
from evals.stats.totals import cluster_sums

MARGIN = 0.05
ALPHA = 0.05
POWER = 0.8
MOST = 5000


def really_needed(kind_name: str, clustered: bool, gates: int, seed: int) -> int | None:
    """Documents for the power, by gates on systems drawn anew."""
    import numpy as np

    kind, rng = KINDS[kind_name], np.random.default_rng(seed)

    def passes(documents: int, wanted: int) -> int:
        passed = 0
        for _ in range(wanted):
            pair = draw_pair(kind, 0.0, documents, clustered=clustered, rng=rng)
            ours, theirs = (cluster_sums(e.frame, kind.metric) for e in pair)
            found = difference_of(kind.metric, ours, theirs, alpha=ALPHA, rows=pair[0].rows)
            passed += found.low > -MARGIN and found.carriers >= 30
        return passed

    return PowerSearch(passes, POWER, ALPHA, gates).smallest(120, 30, MOST)


def asked_for(candidate: Evaluation, baseline: Evaluation, metric_name: str) -> int | None:
    """Documents that a check of so many would ask for in all; they are too few, so that it may ask."""
    metric = candidate.metric(metric_name)
    ours, theirs = (cluster_sums(e.frame, metric) for e in (candidate, baseline))
    found = difference_of(metric, ours, theirs, alpha=ALPHA, rows=candidate.rows)
    more = further_documents(found, found.law, -MARGIN, ALPHA)
    return None if more is None else found.clusters + more


def main() -> None:
    """Print the table as markdown."""
    import numpy as np

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pilots", type=int, default=20)
    parser.add_argument("--documents", type=int, default=150)
    parser.add_argument("--gates", type=int, default=400)
    arguments = parser.parse_args()
    print(
        f"{arguments.pilots} pilots of {arguments.documents} documents, margin {MARGIN:g}, alpha {ALPHA:g}, power {POWER:g}\n"
    )
    print(
        "| metric | rows | needed | predicted: median (quartiles) | ratio | asked for by a check: median | ratio | s per pre-flight |"
    )
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for number, (name, clustered) in enumerate(product(KINDS, (False, True))):
        kind, rng = KINDS[name], np.random.default_rng(number)
        rule = Comparison(metric=kind.metric.name, margin=MARGIN, references=("baseline",))
        policy = GateConfig(alpha=ALPHA, comparisons=(rule,))
        needed = really_needed(name, clustered, arguments.gates, number)
        predicted, asked, seconds = [], [], 0.0
        for pilot in range(arguments.pilots):
            champion, baseline = draw_pair(
                kind, 0.0, arguments.documents, clustered=clustered, rng=rng
            )
            started = time.perf_counter()
            forecast = forecast_size(policy, 1, baseline, champion, seed=pilot)
            seconds += time.perf_counter() - started
            scenario = forecast.scenarios[0]
            predicted.append(scenario.needed or scenario.most)
            short = draw_pair(kind, 0.0, (needed or MOST) // 2, clustered=clustered, rng=rng)
            asked.append(asked_for(*short, kind.metric.name) or MOST)
        low, middle, high = statistics.quantiles(predicted, n=4)
        usual = statistics.median(asked)
        true = needed or MOST
        print(
            f"| {name} | {'1-5 per document' if clustered else 'one per document'} | {true} | "
            f"{middle:.0f} ({low:.0f} to {high:.0f}) | {middle / true:.2f} | {usual:.0f} | "
            f"{usual / true:.2f} | {seconds / arguments.pilots:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
