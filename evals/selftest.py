"""Measure a policy's own error rates on recorded scores, before anybody trusts its verdicts.

Does: run A/A pairs and planted regressions of known size through the whole gate. Does not: judge
the systems that were recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from evals.decision import Decision
from evals.evaluation import Evaluation
from evals.evidence import Evidence
from evals.gate import decide
from evals.planted_regressions import Population
from evals.stats.estimates import share_bounds

RECORDED_REFERENCES = ("baseline", "champion")
CONFIDENCE_TAIL = 0.025


@dataclass(frozen=True)
class Rate:
    """A share of trials with its exact 95% interval (Clopper and Pearson 1934)."""

    value: float
    low: float
    high: float
    trials: int


@dataclass(frozen=True)
class SelfTestLine:
    """What the policy did with candidates whose true difference is known."""

    metric: str
    margin: float
    true_difference: float
    """candidate - reference in the drawn population."""
    candidates: int
    promoted: Rate
    """Share of gates that promoted any candidate."""
    held: Rate
    """Share of comparisons on this metric that held, whatever the policy's other rules said."""
    is_false_promotion: bool
    """Whether promoting such a candidate is an error: it is worse by the margin or more."""


@dataclass(frozen=True)
class SelfTest:
    """Error rates of one policy on one pair of recorded systems."""

    lines: tuple[SelfTestLine, ...]
    left_out: tuple[str, ...]
    """Rules that one pair of recordings cannot exercise, in words."""
    alpha: float
    documents: int
    rows: int

    @property
    def keeps_alpha(self) -> bool:
        """Whether no false-promotion rate is above alpha beyond what chance explains."""
        return all(
            line.promoted.low <= self.alpha for line in self.lines if line.is_false_promotion
        )


def exercisable(policy: GateConfig) -> tuple[GateConfig, tuple[str, ...]]:
    """The policy with the rules that one pair of recordings can exercise, and those left out.

    Raises:
        EvidenceError: when no required comparison with baseline or champion remains.
    """
    comparisons, left_out = [], []
    for rule in policy.comparisons:
        references = tuple(r for r in rule.references if r in RECORDED_REFERENCES)
        if rule.task or not references:
            against = rule.task or ", ".join(rule.references)
            left_out.append(f"comparison of {rule.metric} ({against})")
        else:
            comparisons.append(rule.model_copy(update={"references": ("baseline",)}))
    floors = [rule for rule in policy.floors if not rule.task]
    left_out += [f"floor on {rule.metric} ({rule.task})" for rule in policy.floors if rule.task]
    left_out += [f"ceiling on {rule.measure}" for rule in policy.ceilings]
    critical = [
        label.model_copy(update={"references": ("baseline",)})
        for label in policy.critical
        if label.margin is None or set(label.references) & set(RECORDED_REFERENCES)
    ]
    tested = {label.words for label in critical}
    left_out += [label.words for label in policy.critical if label.words not in tested]
    left_out += [f"{rule.test} over guard tasks" for rule in policy.guards]
    left_out += ["stability when asked again"] if policy.stability else []
    if not any(rule.required for rule in comparisons):
        raise EvidenceError(
            "self-test",
            "expected a required comparison with baseline or champion, got none",
            "Add one to the policy.",
        )
    kept = policy.model_copy(
        update={
            "comparisons": tuple(comparisons),
            "floors": tuple(floors),
            "ceilings": (),
            "critical": tuple(critical),
            "guards": (),
            "stability": None,
        }
    )
    return kept, tuple(left_out)


def run_selftest(
    policy: GateConfig,
    candidate: Evaluation,
    reference: Evaluation,
    *,
    trials: int,
    seed: int,
    candidates: int = 1,
    on_progress: Callable[[int, int], None] | None = None,
) -> SelfTest:
    """Run gates whose right answer is known.

    For every required comparison: no difference, half the margin, the margin, twice the margin.

    Args:
        candidate, reference: recorded scores of two real systems on the same rows; how often they
            disagree is what makes the gate's task hard.
        trials: gates per line.
        candidates: how many candidates may be promoted in one gate; all are planted alike.
    Raises:
        EvidenceError: when the recordings do not pair, or a metric cannot fall by its margin.
    """
    import numpy as np

    tested, left_out = exercisable(policy)
    population = Population(candidate, reference)
    required = [rule for rule in tested.comparisons if rule.required]
    plan = [(rule, share) for rule in required for share in (0.0, 0.5, 1.0, 2.0)]
    rng = np.random.default_rng(seed)
    lines = []
    for number, (rule, share) in enumerate(plan):

        def report(done: int, number: int = number) -> None:
            if on_progress is not None:
                on_progress(number * trials + done, len(plan) * trials)

        regression = share * rule.margin
        spoiled_share = population.spoiled_share(reference.metric(rule.metric), regression)
        decisions = []
        for trial in range(trials):
            drawn, against = population.draw(spoiled_share, rng, candidates)
            decisions.append(_decided(tested, drawn, against, seed + trial))
            report(trial + 1)
        lines.append(_line(rule, regression, candidates, decisions))
    return SelfTest(
        lines=tuple(lines),
        left_out=left_out,
        alpha=policy.alpha,
        documents=reference.clusters,
        rows=reference.rows,
    )


def _decided(
    policy: GateConfig, drawn: Sequence[Evaluation], against: Evaluation, seed: int
) -> Decision:
    evaluations = {f"candidate {n}": e for n, e in enumerate(drawn, start=1)}
    evidence = Evidence(
        evaluations={**evaluations, "baseline": against},
        digests=dict.fromkeys([*evaluations, "baseline"], "drawn"),
    )
    return decide(policy, list(evaluations), evidence, seed=seed)


def _line(
    rule: Comparison, regression: float, candidates: int, decisions: Sequence[Decision]
) -> SelfTestLine:
    held = [
        check.outcome == "promote"
        for decision in decisions
        for result in decision.results
        for check in result.checks
        if check.reference and check.metric == rule.metric and not check.critical
    ]
    return SelfTestLine(
        metric=rule.metric,
        margin=rule.margin,
        true_difference=-regression,
        candidates=candidates,
        promoted=_rate([decision.outcome == "promote" for decision in decisions]),
        held=_rate(held),
        is_false_promotion=regression >= rule.margin,
    )


def _rate(happened: Sequence[bool]) -> Rate:
    low, high = share_bounds(sum(happened), len(happened), CONFIDENCE_TAIL)
    return Rate(sum(happened) / len(happened), low, high, len(happened))
