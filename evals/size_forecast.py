"""What a pre-flight says about the size of a test set.

Does: hold the numbers, say them in a sentence, and refuse a test set that is clearly too small.
Does not: compute them.
"""

from __future__ import annotations

from configs.errors import EvidenceError
from configs.strict_model import StrictModel


class SizeScenario(StrictModel):
    """What is needed if candidates are of one kind."""

    candidate: str
    """How it relates to what was evaluated, in words."""
    needed: int | None
    """Documents for the planned power; None when even `most` are not enough."""
    most: int
    """The largest number looked at."""
    power: float
    """Chance that such a candidate is promoted with the present documents."""
    low: float
    high: float
    """Exact 95% interval of the power (Clopper and Pearson 1934)."""
    gates: int
    """Simulated for it."""
    limiting: str
    """The clause that held least often."""
    limiting_held: float
    """In which share of the gates."""


class SizeForecast(StrictModel):
    """How many test documents a policy needs, as far as can be known before training."""

    documents: int
    """In the test set."""
    planned_power: float
    expected_difference: float
    alpha: float
    """What the look may spend."""
    pilots: tuple[str, ...]
    """Systems whose scores were used."""
    scenarios: tuple[SizeScenario, ...]
    """One with two pilots; with a baseline alone the two ends of a range; none where nothing can be
    simulated."""
    left_out: tuple[str, ...]
    """Rules that could not be simulated, in words."""

    @property
    def known(self) -> bool:
        """Whether two systems say how much answers differ, rather than an assumption."""
        return len(self.scenarios) == 1

    @property
    def needed(self) -> str:
        """The number, or the range, in words."""
        numbers = [s.needed for s in self.scenarios]
        finite = sorted(number for number in numbers if number is not None)
        more = f"more than {self.scenarios[0].most}"
        if not finite:
            return more
        if len(finite) < len(numbers):
            return f"{finite[0]} to {more}"
        return str(finite[0]) if finite[0] == finite[-1] else f"{finite[0]} to {finite[-1]}"

    @property
    def clearly_too_few(self) -> bool:
        """Whether the power is below the plan beyond what chance in the simulation explains."""
        return self.known and all(s.high < self.planned_power for s in self.scenarios)

    @property
    def perhaps_too_few(self) -> bool:
        """Whether any scenario has less power than planned."""
        return any(s.power < self.planned_power for s in self.scenarios)


def size_sentence(forecast: SizeForecast) -> str:
    """What the present documents can show, in one sentence."""
    if not forecast.scenarios:
        return (
            f"{forecast.documents} test documents; whether they are enough cannot be told before the "
            f"training ({'; '.join(forecast.left_out)})"
        )
    powers = "; ".join(
        f"if a candidate {s.candidate}, power {s.power:.2f} ({s.low:.2f} to {s.high:.2f}, "
        f"n = {s.gates} simulated gates)"
        for s in forecast.scenarios
    )
    weakest = min(forecast.scenarios, key=lambda s: s.power)
    return (
        f"{forecast.documents} test documents; {forecast.needed} needed for power "
        f"{forecast.planned_power:g}; {powers}; {weakest.limiting} limits"
    )


def require_sufficient(forecast: SizeForecast, where: str) -> None:
    """Refuse a test set that clearly cannot show what the policy asks for.

    Raises:
        EvidenceError: when two pilots say that the power is below the plan, beyond chance.
    """
    if not forecast.clearly_too_few:
        return
    worst = min(forecast.scenarios, key=lambda s: s.power)
    needed = f"at least {worst.needed}" if worst.needed else f"more than {worst.most}"
    raise EvidenceError(
        where,
        f"expected {needed} test documents, got {forecast.documents} ({worst.limiting} limits; power "
        f"{worst.power:.2f}, {worst.low:.2f} to {worst.high:.2f} in {worst.gates} simulated gates, "
        f"{forecast.planned_power:g} planned)",
        "Add documents, widen the margin, or set gate.preflight.",
    )
