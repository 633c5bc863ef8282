"""Measure a policy's own error rates on recorded scores, before anybody trusts its verdicts.

Does: run A/A pairs and planted losses of known size and kind through the law of the whole gate. Does
not: judge the systems that were recorded.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from configs.errors import EvidenceError
from configs.gate_policy import Comparison, GateConfig
from evals.decision import Look
from evals.evaluation import Evaluation
from evals.planted_losses import LOSS_KINDS, LossKind, NotPlanted, PlantedLoss, plant
from evals.selftest_verdict import PlantedRate, SelfTestVerdict
from evals.simulated_gates import GateOnArrays, SimulatedGate
from evals.stats.estimates import share_bounds
from evals.stats.paired import require_paired

RECORDED_REFERENCES = ("baseline", "champion")
CONFIDENCE_TAIL = 0.025
FALSE_ALARM = 0.01
"""Chance, over all lines together, of saying that alpha is not kept where it is."""
SHARES_OF_MARGIN = (0.0, 0.5, 1.0, 2.0)
"""Losses planted in random documents; other kinds are of the margin exactly."""


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
    kind: LossKind
    """Where the loss was planted."""
    where: str
    """In words: which documents, slice value, class or field."""
    candidates: int
    promoted: Rate
    """Share of gates that promoted any candidate."""
    held: Rate
    """Share of gates in which the comparison on this metric held for the first candidate, whatever the
    policy's other rules said."""
    is_false_promotion: bool
    """Whether promoting such a candidate is an error: it is worse by the margin or more."""
    allowed: float
    """The largest rate of false promotions that the policy and this look allow."""
    lower_bound: float
    """Of the rate, so strict that over all lines a false alarm has a chance of `FALSE_ALARM`."""

    @property
    def breaks_alpha(self) -> bool:
        """Whether such candidates are promoted too often, beyond what chance explains."""
        return self.is_false_promotion and self.lower_bound > self.allowed


@dataclass(frozen=True)
class SelfTest:
    """Error rates of one policy on one pair of recorded systems."""

    lines: tuple[SelfTestLine, ...]
    not_planted: tuple[str, ...]
    """Losses that could not be planted, with the reason."""
    left_out: tuple[str, ...]
    """Rules that one pair of recordings cannot exercise, in words."""
    alpha: float
    """What this look may spend."""
    documents: int
    rows: int

    @property
    def keeps_alpha(self) -> bool:
        """Whether no false-promotion rate is above alpha beyond what chance explains."""
        return not any(line.breaks_alpha for line in self.lines)

    @property
    def verdict(self) -> SelfTestVerdict:
        """What decisions and reports keep."""
        wrong = [line for line in self.lines if line.is_false_promotion]
        worst = max(wrong, key=lambda line: line.promoted.value / line.allowed, default=None)
        equal = [line for line in self.lines if line.true_difference == 0]
        return SelfTestVerdict(
            alpha_kept=self.keeps_alpha if wrong else None,
            worst=None if worst is None else _stored(worst),
            power=_stored(min(equal, key=lambda line: line.promoted.value)),
            planted=tuple(map(_stored, self.lines)),
            not_planted=self.not_planted,
            left_out=self.left_out,
            documents=self.documents,
            candidates=self.lines[0].candidates,
        )


def _stored(line: SelfTestLine) -> PlantedRate:
    return PlantedRate(
        metric=line.metric,
        kind=line.kind if line.true_difference else "none",
        where=line.where if line.true_difference else "no difference",
        true_difference=line.true_difference,
        rate=line.promoted.value,
        low=line.promoted.low,
        high=line.promoted.high,
        gates=line.promoted.trials,
        allowed=line.allowed if line.is_false_promotion else None,
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
    left_out += [label.words for label in policy.critical]
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
            "critical": (),
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
    look: Look | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> SelfTest:
    """Run gates whose right answer is known.

    For every required comparison: no difference, half the margin, the margin and twice the margin in
    random documents; and the margin in the largest documents, in one slice value, in one class or
    field, and as bursts of false items.

    Args:
        candidate, reference: recorded scores of two real systems on the same rows; how often they
            disagree is what makes the gate's task hard.
        trials: gates per line.
        candidates: how many candidates may be promoted in one gate; all are planted alike.
        look: which decision it is and what it may spend; all of the policy's alpha if None.
    Raises:
        EvidenceError: when the recordings do not pair, or no required comparison can be exercised.
    """
    import numpy as np

    tested, left_out = exercisable(policy)
    require_paired(candidate, reference)
    ids = reference.frame["id"]
    aligned = candidate.frame.set_index("id").loc[ids].reset_index()
    ours = dataclasses.replace(candidate, frame=aligned)
    theirs = dataclasses.replace(reference, frame=reference.frame.reset_index(drop=True))
    look = look or Look(number=1, alpha=policy.alpha, budgeted=False)
    planned, not_planted = _plan(tested, ours, theirs)
    wrong = sum(1 for rule, loss, _ in planned if loss >= rule.margin)
    tail = FALSE_ALARM / max(1, wrong)
    rng = np.random.default_rng(seed)
    lines = []
    for number, (rule, loss, planted) in enumerate(planned):
        clauses = tuple(planted.recorded.clauses(tested, ("baseline",)))
        gate = GateOnArrays(tested, clauses, look, seed=seed)
        gates = []
        for trial in range(trials):
            gates.append(gate.run(planted.draw(rng, candidates)))
            if on_progress is not None:
                on_progress(number * trials + trial + 1, len(planned) * trials)
        place = next(i for i, clause in enumerate(clauses) if clause.rule == rule)
        allowed = look.alpha
        if rule.alpha is not None:
            allowed = max(allowed, rule.alpha * look.alpha / policy.alpha)
        lines.append(_line(rule, loss, planted, candidates, gates, place, allowed, tail))
    return SelfTest(
        lines=tuple(lines),
        not_planted=tuple(not_planted),
        left_out=left_out,
        alpha=look.alpha,
        documents=reference.clusters,
        rows=reference.rows,
    )


def _plan(
    policy: GateConfig, candidate: Evaluation, reference: Evaluation
) -> tuple[list[tuple[Comparison, float, PlantedLoss]], list[str]]:
    """Rule, loss and how it is planted, and what cannot be."""
    planned, not_planted = [], []
    for rule in policy.comparisons:
        if not rule.required:
            continue
        metric = reference.metric(rule.metric)
        wanted: list[tuple[LossKind, float]] = [("random documents", s) for s in SHARES_OF_MARGIN]
        wanted += [(kind, 1.0) for kind in LOSS_KINDS if kind != "random documents"]
        for kind, share in wanted:
            made = plant(kind, candidate, reference, metric, share * rule.margin)
            if isinstance(made, NotPlanted):
                not_planted.append(f"{rule.metric}, {kind}: cannot be planted, because {made.why}")
            else:
                planned.append((rule, share * rule.margin, made))
    return planned, not_planted


def _line(
    rule: Comparison,
    loss: float,
    planted: PlantedLoss,
    candidates: int,
    gates: Sequence[SimulatedGate],
    place: int,
    allowed: float,
    tail: float,
) -> SelfTestLine:
    promoted = [gate.promoted for gate in gates]
    return SelfTestLine(
        metric=rule.metric,
        margin=rule.margin,
        true_difference=-loss if loss else 0.0,
        kind=planted.kind,
        where=planted.where,
        candidates=candidates,
        promoted=_rate(promoted),
        held=_rate([gate.held[place] for gate in gates]),
        is_false_promotion=loss >= rule.margin,
        allowed=allowed,
        lower_bound=share_bounds(sum(promoted), len(promoted), tail)[0],
    )


def _rate(happened: Sequence[bool]) -> Rate:
    low, high = share_bounds(sum(happened), len(happened), CONFIDENCE_TAIL)
    return Rate(sum(happened) / len(happened), low, high, len(happened))
