"""What a finished lifecycle tells the person who ran it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from configs.lifecycle import LifecycleConfig
from flows.step_cache import StepOutcome
from flows.steps.gate import read_decision
from registry.promotion import Promoted


class StepLine(BaseModel):
    """One cacheable step of the run."""

    step: str
    reused: bool
    seconds: float
    """How long the work took when it was done (not now, if reused)."""


class LifecycleSummary(BaseModel):
    """Result of the flow `lifecycle`."""

    lifecycle: str
    outcome: str
    """promote, reject or inconclusive; or, where the gate promotes but people must approve, what became
    of that: awaiting approval, approval rejected, approval expired."""
    registry: str
    """What happened in the registry, one sentence."""
    reasons: list[str]
    """Why, in sentences."""
    score_header: list[str]
    score_rows: list[list[str]]
    """Score table: one line per system, values with intervals, n and size."""
    steps: list[StepLine]
    report: Path
    """Directory of decision.json, report.md, report.html and plots."""
    pin: Path | None
    """Pin file of the champion, if there is one."""


def summarize(
    config: LifecycleConfig,
    steps: list[StepOutcome],
    decided: StepOutcome,
    promoted: Promoted,
    pin: Path | None,
    outcome: str,
) -> LifecycleSummary:
    """Collect the outcomes of a run, which ended with `outcome`."""
    return LifecycleSummary(
        lifecycle=config.name,
        outcome=outcome,
        registry=promoted.summary,
        reasons=list(read_decision(decided).reasons),
        score_header=decided.result["score_header"],
        score_rows=decided.result["score_rows"],
        steps=[StepLine(step=s.step, reused=s.reused, seconds=s.seconds) for s in steps],
        report=decided.files,
        pin=pin,
    )
