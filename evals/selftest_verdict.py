"""What a policy's self-test found, as decisions and reports keep it.

Does: hold rates and say in one sentence what they mean. Does not: measure (evals/selftest.py).
"""

from __future__ import annotations

from configs.strict_model import StrictModel


class PlantedRate(StrictModel):
    """How often gates promoted candidates whose true difference is known."""

    metric: str
    kind: str
    """Where the loss was planted; `none` for systems without any true difference."""
    where: str
    """In words: which documents, slice value, class or field."""
    true_difference: float
    """candidate - reference in the drawn population."""
    rate: float
    """Share of gates that promoted a candidate, in [0, 1]."""
    low: float
    high: float
    """Exact 95% interval (Clopper and Pearson 1934)."""
    gates: int
    allowed: float | None
    """The largest rate allowed; None where promoting is no error."""


class SelfTestVerdict(StrictModel):
    """What the policy does on scores like the recorded ones."""

    alpha_kept: bool | None
    """Whether no rate at the margin is above what is allowed beyond chance; None when no loss could be
    planted, so that nothing is known."""
    worst: PlantedRate | None
    """The loss at the margin that was promoted most often for what is allowed."""
    power: PlantedRate
    """How often a candidate as good as the reference was promoted; the lowest over the metrics."""
    planted: tuple[PlantedRate, ...]
    not_planted: tuple[str, ...]
    """Kinds of loss that could not be planted, with the reason."""
    left_out: tuple[str, ...]
    """Rules that a pair of recordings cannot exercise."""
    documents: int
    candidates: int

    @property
    def sentence(self) -> str:
        """One sentence for the reader of a decision."""
        power = (
            f"one as good as the reference in {self.power.rate:.2f} "
            f"({self.power.low:.2f} to {self.power.high:.2f})"
        )
        if self.worst is None or self.alpha_kept is None:
            return (
                "Self-test on these documents: no loss of the margin could be planted, so the error "
                f"rate is not known; the gate promoted {power}."
            )
        worst = self.worst
        measured = (
            f"a candidate worse by the margin on {worst.metric}, planted in {worst.kind} "
            f"({worst.where}), was promoted in {worst.rate:.3f} of {worst.gates} gates "
            f"({worst.low:.3f} to {worst.high:.3f}; {worst.allowed:.4g} allowed), {power}"
        )
        if self.alpha_kept:
            return f"Self-test on these documents: alpha is kept; at worst {measured}."
        return f"ALPHA IS NOT KEPT on documents like these: {measured}."


def with_self_test(reasons: tuple[str, ...], verdict: SelfTestVerdict | None) -> tuple[str, ...]:
    """Reasons with what the self-test found: right after the outcome if alpha is not kept, else last."""
    if verdict is None:
        return reasons
    if verdict.alpha_kept is False:
        return (reasons[0], verdict.sentence, *reasons[1:])
    return (*reasons, verdict.sentence)
