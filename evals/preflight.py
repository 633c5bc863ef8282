"""Whether a test set is large enough for a policy, before anything is trained.

Does: simulate the gate's own law, all required comparisons and floors on the lifecycle's task, on the
scores of systems already evaluated, and find the number of documents that has the planned power.
Does not: evaluate anything, or simulate guard tasks and ceilings, which no pilot has.
"""

from __future__ import annotations

import math

from configs.gate_policy import Comparison, GateConfig
from evals.decision import Look
from evals.drawn_documents import Answers, SimulatedClause
from evals.evaluation import Evaluation
from evals.pilots import Pilot, pilot_of_one, pilot_of_two
from evals.power_search import PowerSearch
from evals.siblings import all_on_the_same_documents
from evals.simulated_gates import GateOnArrays
from evals.size_forecast import SizeForecast, SizeScenario
from evals.stats.contributions import of_difference
from evals.stats.estimates import share_bounds
from evals.stats.paired import paired_difference
from evals.stats.power import required_clusters
from evals.stats.totals import metric_of_sums

AGREE = (("agrees closely with", 0.9), ("has little in common with", 0.3))
"""Candidates that one system alone is held against: correlation of their scores on a document."""
UNLIKE_TAIL = 0.025
"""Error rate of saying that champion and baseline differ, so that they cannot stand for two systems that
are as good as each other."""
MOST_GATES, FEWEST_GATES = 200, 60
WORK = 400_000
"""Gates x candidates x clauses x looks x (documents + 600) per number of documents tried."""
MOST_DOCUMENTS = 30_000
MOST_TIMES = 40
CONFIDENCE_TAIL = 0.025


def forecast_size(
    policy: GateConfig,
    candidates: int,
    baseline: Evaluation,
    champion: Evaluation | None = None,
    *,
    look: Look | None = None,
    seed: int = 0,
) -> SizeForecast:
    """How many documents give a candidate of the planned difference the planned power.

    Without a rule that can be simulated, such as where candidates are compared with the base alone, which
    is not asked before the training, there is no scenario.

    Args:
        candidates: how many may be promoted; they are taken to be much alike.
        champion: of the same rows; None where there is none or it was not evaluated.
        look: what the coming decision may spend; all of the policy's alpha if None.
    Raises:
        EvidenceError: when the two do not pair.
    """
    look = look or Look(number=1, alpha=policy.alpha, budgeted=False)
    left_out: list[str] = []
    unlike = None if champion is None else _better(policy, champion, baseline)
    if champion is not None and unlike is None:
        pilots = {"answers as differently as champion and baseline": pilot_of_two(policy, champion, baseline)}  # fmt: skip
    else:
        name, system = unlike or ("baseline", baseline)
        pilots = {
            f"{words} the {name} (correlation {share:g})": pilot_of_one(policy, system, share, name)
            for words, share in AGREE
        }
        if unlike is not None:
            other = "baseline" if name == "champion" else "champion"
            left_out.append(
                f"comparisons with the {other}: the {name} is better than it, and so is a candidate "
                f"as good as the {name}"
            )
    scenarios = []
    for words, pilot in pilots.items():
        clauses, missing = _clauses(policy, pilot)
        left_out = [*left_out, *(rule for rule in missing if rule not in left_out)]
        if clauses:
            scenarios.append(_scenario(words, policy, candidates, pilot, clauses, look, seed))
    asked = {name for pilot in pilots.values() for name in pilot.references}
    left_out += [
        f"comparison of {r.metric} with {' or '.join(r.references)}: not asked before the training"
        for r in policy.comparisons
        if r.required and not r.task and not asked & set(r.references)
    ]
    left_out += [f"comparison of {r.metric} ({r.task})" for r in policy.comparisons if r.required and r.task]  # fmt: skip
    left_out += [f"floor on {r.metric} ({r.task})" for r in policy.floors if r.required and r.task]
    left_out += [f"ceiling on {r.measure}" for r in policy.ceilings if r.required]
    left_out += [label.words for label in policy.critical if label.required]
    left_out += [f"{r.test} over guard tasks" for r in policy.guards if r.required]
    if policy.stability is not None and policy.stability.required:
        left_out.append("stability when asked again")
    return SizeForecast(
        documents=baseline.clusters,
        planned_power=policy.preflight.power,
        expected_difference=policy.preflight.expected_difference,
        alpha=look.alpha,
        pilots=("baseline",) if champion is None else ("baseline", "champion"),
        scenarios=tuple(scenarios),
        left_out=tuple(left_out),
    )


def _better(
    policy: GateConfig, champion: Evaluation, baseline: Evaluation
) -> tuple[str, Evaluation] | None:
    """The better of the two by name, if the policy compares with it and they differ beyond chance."""
    rule = next(r for r in policy.comparisons if r.required and r.task is None)
    found = paired_difference(champion, baseline, rule.metric, alpha=UNLIKE_TAIL)
    if found.low > 0 and "champion" in rule.references:
        return "champion", champion
    if found.high < 0 and "baseline" in rule.references:
        return "baseline", baseline
    return None


def _clauses(policy: GateConfig, pilot: Pilot) -> tuple[tuple[SimulatedClause, ...], list[str]]:
    """What can be simulated, and floors that the pilot itself does not reach: how far a candidate would
    be above them is not known."""
    import numpy as np

    kept, left_out = [], []
    places = np.arange(len(pilot.recorded.keys))
    for clause in pilot.recorded.clauses(policy, pilot.references):
        if clause.reference is None:
            sums = Answers(np.zeros_like(places), places).sums(clause.view).sum(axis=0)
            value = float(metric_of_sums(clause.view.metric, sums))
            if value <= clause.threshold:
                system = pilot.recorded.versions[0].system
                left_out.append(f"{clause.name}: {system} itself reaches only {value:.3f}")
                continue
        kept.append(clause)
    return tuple(kept), left_out


def _scenario(
    words: str,
    policy: GateConfig,
    candidates: int,
    pilot: Pilot,
    clauses: tuple[SimulatedClause, ...],
    look: Look,
    seed: int,
) -> SizeScenario:
    import numpy as np

    gate = GateOnArrays(
        policy, clauses, look, seed=seed, same_documents=all_on_the_same_documents(policy)
    )
    rng = np.random.default_rng(seed)
    held_at: dict[int, list[tuple[bool, ...]]] = {}
    work = candidates * len(clauses) * (policy.sequential.looks if policy.sequential else 1)

    def gates_at(documents: int) -> int:
        return max(FEWEST_GATES, min(MOST_GATES, round(WORK / work / (documents + 600))))

    def passes(documents: int, gates: int) -> int:
        gates = min(gates, gates_at(documents))
        ran = [gate.run(pilot.draw(documents, rng, candidates)) for _ in range(gates)]
        held_at.setdefault(documents, []).extend(each.held for each in ran)
        return sum(each.promoted for each in ran)

    present = len(pilot.recorded.keys)
    start = _first_guess(policy, candidates, pilot, clauses, look)
    most = max(present, min(MOST_DOCUMENTS, MOST_TIMES * max(present, 100)))
    search = PowerSearch(passes, policy.preflight.power, look.alpha / candidates, gates_at(start))
    needed = None
    if any(_distance(policy, clause) > 0 for clause in clauses):
        needed = search.smallest(start, min(policy.min_clusters, most), most)
    passed, ran = search.share(present, gates_at(present))
    low, high = share_bounds(passed, ran, CONFIDENCE_TAIL)
    held = np.mean(held_at[present], axis=0)
    limiting = int(np.argmin(held))
    return SizeScenario(
        candidate=words,
        needed=needed,
        most=most,
        power=passed / ran,
        low=low,
        high=high,
        gates=ran,
        limiting=clauses[limiting].name,
        limiting_held=float(held[limiting]),
    )


def _distance(policy: GateConfig, clause: SimulatedClause) -> float:
    """How far the planned difference is from the margin; at or below 0 no number is enough."""
    if not isinstance(clause.rule, Comparison):
        return 1.0
    return policy.preflight.expected_difference + clause.rule.margin


def _first_guess(
    policy: GateConfig,
    candidates: int,
    pilot: Pilot,
    clauses: tuple[SimulatedClause, ...],
    look: Look,
) -> int:
    """By the normal formula, from the spread of one drawn test set of the pilot's size."""
    import numpy as np

    size = len(pilot.recorded.keys)
    drawn = pilot.draw(size, np.random.default_rng(0), 1)
    guesses = [policy.min_clusters]
    for clause in clauses:
        if clause.reference is None or not isinstance(clause.rule, Comparison):
            continue
        ours, theirs = (each.sums(clause.view) for each in drawn.pairs[0][clause.reference])
        residuals = of_difference(clause.view.metric, ours, theirs).residuals
        spread = math.sqrt(size * float(residuals @ residuals))
        alpha = (clause.rule.alpha or policy.alpha) * look.alpha / policy.alpha / candidates
        needed = required_clusters(
            spread,
            clause.rule.margin,
            policy.preflight.expected_difference,
            alpha=alpha,
            power=policy.preflight.power,
        )
        # Not one document lost of so many shows the margin.
        guesses.append(max(needed or 0, math.ceil(-math.log(alpha) / clause.rule.margin)))
    return max(guesses)
