"""How often a decision over several guard tasks is wrong, and what it finds.

    OMP_NUM_THREADS=1 python -m benchmarks.pooled_guards [--runs 10000]

Draws a reference and a candidate on three tasks of unequal size and applies the tests of
a `PooledGuard` to them. Prints, as markdown: how often a harmless change is flagged (at most alpha); how
often a promise (non-inferiority) is given at a loss of exactly the margin; with which chance a loss of
0.3% is found on as many questions as in Kuebler et al. 2026 (arXiv 2602.10144), simulated beside the
exact chance. Exits with 1 when a rate of the first two tables is above alpha + 3 standard errors.

A harmless change is numerical noise: each document changes its answers with some chance, and which of
the two systems has which answers is a toss of a coin.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evals.stats.cluster_robust import RobustLaw

from evals.stats.binary import TangoLaw
from evals.stats.pooled import (
    mcnemar_worse,
    minimum_detectable_drop,
    pooled_mcnemar_power,
)
from evals.stats.sign_flips import sign_flip_test

if TYPE_CHECKING:
    import numpy as np

ALPHA = 0.05
TASKS = (100, 500, 900)
"""Documents of each task."""
LEADERBOARD_V2 = 25_282
"""Questions of the six tasks of Kuebler et al. 2026."""
CHANGED = (0.0131, 0.0273, 0.05, 0.0903)
"""Shares of answers that change; the paper saw 1.31% and 2.73% from harmless changes of an 8B model,
and 9.03% with its KV cache in FP8."""
DROP = 0.003


@dataclass(frozen=True)
class Change:
    """How a candidate's answers differ from the reference's."""

    name: str
    draw: Callable[[np.random.Generator, float], tuple[np.ndarray, np.ndarray]]
    """Generator and true drop of the mean over rows -> gain and rows of each document."""
    right_or_wrong: bool
    per_task: bool = False
    """Whether tasks count alike and not questions."""


def _of_tasks(
    rng: np.random.Generator, rows_of: Callable[[int], np.ndarray], share: float, drop: float
) -> tuple[np.ndarray, np.ndarray]:
    """Documents of all tasks that change whole with a chance of `share`, more to the worse by `drop`."""
    import numpy as np

    rows = np.concatenate([rows_of(documents) for documents in TASKS])
    changed = rng.random(len(rows)) < share
    lost = rng.random(len(rows)) < (1 + drop / share) / 2
    return np.where(lost, -rows, rows) * changed, rows


def _single(share: float) -> Callable[[np.random.Generator, float], tuple[np.ndarray, np.ndarray]]:
    import numpy as np

    return lambda rng, drop: _of_tasks(rng, lambda n: np.ones(n), share, drop)


def _clustered(rng: np.random.Generator, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """1 to 5 questions per document, all lost or gained together."""
    return _of_tasks(rng, lambda n: rng.integers(1, 6, n).astype(float), 0.05, drop)


def _heavy(rng: np.random.Generator, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Most documents ask one question, some twenty."""
    import numpy as np

    return _of_tasks(rng, lambda n: np.where(rng.random(n) < 0.03, 20.0, 1.0), 0.05, drop)


def _jittered(rng: np.random.Generator, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Both systems answer three questions per document with the same chances but for the noise of
    logits, which tips close calls, and more so where the document is hard."""
    import numpy as np

    documents = sum(TASKS)
    margin_of_logits = rng.normal(1.0, 1.5, (documents, 1)) + rng.normal(0, 0.5, (documents, 3))
    noise = rng.normal(0, 0.15, (2, documents, 3)) + rng.normal(0, 0.1, (2, documents, 1))
    right = (margin_of_logits + noise > 0).astype(float)
    gains = (right[0] - right[1]).sum(axis=1)
    if drop:
        raise ValueError("expected no drop, as this change is harmless by construction")
    return gains, np.full(documents, 3.0)


def _graded(rng: np.random.Generator, drop: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores between 0 and 1, of which one in ten moves."""
    import numpy as np

    documents = sum(TASKS)
    moved = rng.random(documents) < 0.1
    gains = rng.uniform(-1, 1, documents) * rng.beta(2, 5, documents) * moved
    return gains - drop, np.ones(documents)


CHANGES = (
    Change("one question per document, 1% change", _single(0.01), True),
    Change("one question per document, 9% change", _single(0.09), True),
    Change("1 to 5 questions per document", _clustered, False),
    Change("1 or 20 questions per document", _heavy, False),
    Change("noise of logits, 3 questions per document", _jittered, False),
    Change("graded scores", _graded, False),
    Change("one question per document, tasks count alike", _single(0.05), False, True),
)


def flagged(change: Change, runs: int, seed: int) -> float:
    """Share of harmless changes in which a drop is found."""
    import numpy as np

    rng, found = np.random.default_rng(seed), 0
    weights = np.repeat([sum(TASKS) / (len(TASKS) * n) for n in TASKS], TASKS)
    for run in range(runs):
        gains, _ = change.draw(rng, 0.0)
        if change.right_or_wrong:
            p_value = mcnemar_worse(int((gains < 0).sum()), int((gains > 0).sum()))
        else:
            weighted = gains * weights if change.per_task else gains
            # As many draws as decide at this level; the gate draws more.
            p_value = sign_flip_test(weighted, seed=run, draws=999).p_worse
        found += p_value <= ALPHA
    return found / runs


def promised(change: Change, margin: float, runs: int, seed: int) -> float:
    """Share of candidates that lose exactly the margin and are said to lose less."""
    import numpy as np

    rng, passed = np.random.default_rng(seed), 0
    for _ in range(runs):
        gains, rows = change.draw(rng, margin)
        law: TangoLaw | RobustLaw
        if change.right_or_wrong:
            law = TangoLaw(int((gains > 0).sum()), int((gains < 0).sum()), len(rows))
        else:
            law = RobustLaw(gains, rows)
        passed += law.low(ALPHA) > -margin
    return passed / runs


def found_share(changed: float, runs: int, seed: int) -> float:
    """Share of losses of 0.3% that are found on as many questions as in the paper."""
    import numpy as np
    from scipy.stats import binom

    rng = np.random.default_rng(seed)
    number = rng.binomial(LEADERBOARD_V2, changed, runs)
    lost = rng.binomial(number, (1 + DROP / changed) / 2)
    return float((binom.sf(lost - 1, number, 0.5) <= ALPHA).mean())


def _lines(runs: int) -> Iterator[tuple[str, float | None]]:
    """Lines of the report, with the rate that must not be above the limit."""
    yield "| harmless change, 3 tasks of 100, 500 and 900 documents | flagged | runs |", None
    yield "| --- | --- | --- |", None
    for place, change in enumerate(CHANGES):
        rate = flagged(change, runs, 100 + place)
        yield f"| {change.name} | {rate:.4f} | {runs:,} |", rate
    yield "", None
    yield "| loss of exactly the margin | margin | promised to be smaller | runs |", None
    yield "| --- | --- | --- | --- |", None
    for change, margin in ((CHANGES[1], 0.01), (CHANGES[1], 0.03), (CHANGES[2], 0.01)):
        rate = promised(change, margin, runs, 200)
        yield f"| {change.name} | {margin:g} | {rate:.4f} | {runs:,} |", rate
    yield "", None
    yield f"| {DROP:.1%} lost of {LEADERBOARD_V2:,} answers, so many changed | found | exact | " \
        "smallest drop found with 80% |", None  # fmt: skip
    yield "| --- | --- | --- | --- |", None
    for place, changed in enumerate(CHANGED):
        exact = pooled_mcnemar_power(LEADERBOARD_V2, changed, DROP, alpha=ALPHA)
        smallest = minimum_detectable_drop(LEADERBOARD_V2, changed, alpha=ALPHA)
        rate = found_share(changed, runs, 300 + place)
        yield f"| {changed:.2%} | {rate:.4f} | {exact:.4f} | {smallest:.2%} |", None


def main() -> None:
    """Print the tables; exit with 1 when a rate is too high."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    runs = parser.parse_args().runs
    limit = ALPHA + 3 * math.sqrt(ALPHA * (1 - ALPHA) / runs)
    above = 0
    for line, rate in _lines(runs):
        print(line, flush=True)
        above += rate is not None and rate > limit
    print(f"\nAt most {limit:.4f} is allowed; above it: {above}.")
    sys.exit(1 if above else 0)


if __name__ == "__main__":
    main()
