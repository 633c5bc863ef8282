"""Which metrics of a log are a mean of one number in [0, 1] per sample.

Does: keep those, and say why not of the others; find samples without a score. Does not: rescale.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real
from typing import Any

from configs.errors import EvidenceError
from evals.logs.files import listed
from evals.logs.tool_log import LoggedMetric, LoggedSample, ToolLog

ROUNDING = 1e-9


@dataclass(frozen=True)
class Usable:
    """What of a log can be gated on."""

    metrics: tuple[LoggedMetric, ...]
    """The one asked for first comes first."""
    left_out: dict[str, str]
    """Metric -> reason."""
    without_score: dict[str, str]
    """Sample -> what is wrong with it: an error, a limit, a missing score."""


def usable(log: ToolLog, asked: tuple[str, ...]) -> Usable:
    """Choose the metrics.

    Args:
        asked: names to keep, in their order; empty: all that can be kept.
    Raises:
        EvidenceError: when one asked for cannot be kept, or none can.
    """
    reasons = {metric.name: _reason_against(metric, log) for metric in log.metrics}
    left_out = {**log.left_out, **{name: why for name, why in reasons.items() if why is not None}}
    kept = {metric.name: metric for metric in log.metrics if reasons[metric.name] is None}
    wrong = [name for name in asked if name not in kept]
    if wrong or not kept:
        named = listed(list(kept)) if kept else "a mean of one number in [0, 1] per sample"
        got = "; ".join(
            f"{name}: {left_out.get(name, 'the log has none')}" for name in wrong or left_out
        )
        raise EvidenceError(
            f"{log.path}: {log.task}", f"expected as metric {named}, got {got or 'none'}",
            "Choose with --metric, or score the samples from 0 to 1 in the tool.",
        )  # fmt: skip
    metrics = tuple(kept[name] for name in asked or kept)
    without = {}
    for sample in log.samples:
        missing = [m.name for m in metrics if number(sample.scores.get(m.name)) is None]
        if sample.problem is not None:
            without[sample.name] = sample.problem
        elif missing:
            without[sample.name] = f"no score of {listed(missing)}"
    return Usable(metrics, left_out, without)


def number(value: Any) -> float | None:
    """A score as a number; None where it is missing, which tools write as null or NaN."""
    if isinstance(value, Real) and not math.isnan(value):
        return float(value)
    return None


def _reason_against(metric: LoggedMetric, log: ToolLog) -> str | None:
    if metric.reason_against is not None:
        return metric.reason_against
    for sample in log.samples:
        value = sample.scores.get(metric.name)
        if value is not None and not isinstance(value, Real):
            return f"it is not one number per sample, such as {value!r} of {sample.name}"
        found = number(value)
        if found is not None and not 0 <= found <= 1:
            return (
                f"its values leave [0, 1], such as {found:g} of {sample.name}; a scale is not "
                "guessed and not changed"
            )
    values = [number(sample.scores.get(metric.name)) for sample in log.samples]
    numbers = [value for value in values if value is not None]
    if not numbers:
        problems = sorted({s.problem for s in log.samples if s.problem is not None})
        return "no sample has a score of it" + (f" ({listed(problems)})" if problems else "")
    complete = len(numbers) == len(log.samples)
    if complete and metric.printed is not None:
        mean = math.fsum(numbers) / len(numbers)
        allowed = ROUNDING if metric.digits is None else 0.5 * 10**-metric.digits + ROUNDING
        if abs(mean - metric.printed) > allowed:
            return (
                f"{log.tool} reports {metric.printed:.6g} and the mean of its samples is "
                f"{mean:.6g}, so it is no mean of these samples"
            )
    return None


def score_of(sample: LoggedSample, metric: LoggedMetric) -> float:
    """The value of a sample; the worst one where it has none that counts."""
    value = number(sample.scores.get(metric.name))
    if sample.problem is not None or value is None:
        return 0.0 if metric.higher_is_better else 1.0
    return value
