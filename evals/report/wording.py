"""Plain words for what policies and decisions name by keys.

Does: phrase names, numbers and n. Does not: judge (evals/report/verdict.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evals.decision import Check, Outcome

OUTCOMES: dict[Outcome, str] = {
    "promote": "✓ holds",
    "reject": "✗ fails",
    "inconclusive": "? cannot be told",
}
REFERENCES = {
    "baseline": "the baseline",
    "champion": "the present champion",
    "base": "the model before fine-tuning",
    "unquantized": "the fine-tuned model before quantization",
}
MEASURES = {
    "micro_f1": "finding the right items and only those",
    "micro_precision": "claiming only what is right",
    "micro_recall": "finding everything there is",
    "valid_json": "readable answers",
    "schema_conformance": "answers of the agreed form",
    "exact_match": "fully right answers",
    "accuracy": "right answers",
    "acc": "right answers",
    "changed_answers": "answers that change when asked again",
    "moved": "the shift of the score when asked again",
    "latency_p95_s": "the response time of the slowest documents",
    "cost_per_1k_documents": "the cost of a thousand documents",
}
"""Name of a metric or measure -> what it is about. Others are named as they are."""


def measure_words(name: str) -> str:
    """What a metric is about; `micro_recall.drug` is what `micro_recall` is, for `drug`."""
    if name in MEASURES:
        return MEASURES[name]
    stem, _, part = name.partition(".")
    words = MEASURES.get(stem, stem.replace("_", " "))
    return f"{words} for {part}" if part else words


def reference_words(reference: str) -> str:
    """A reference as the reader knows it."""
    return REFERENCES.get(reference, reference)


def listed(items: Sequence[str]) -> str:
    """`a`, `a and b`, or `a, b and c`."""
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def points(fraction: float) -> str:
    """A fraction, such as a margin or a difference, in points of 100 without its sign."""
    value = f"{abs(100 * fraction):.1f}".removesuffix(".0")
    return f"{value} point" if value == "1" else f"{value} points"


def counted(number: int, noun: str) -> str:
    """`1 row`, `200 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def n_words(rows: int, clusters: int) -> str:
    """How much a figure rests on."""
    return f"{counted(rows, 'row')}, {counted(clusters, 'document')}"


def number(value: float, digits: int = 3) -> str:
    """A figure; `none` where a bound is infinite because the data bound nothing."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "none"


def value_with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """A figure with its interval."""
    return f"{number(value, digits)} ({number(low, digits)} to {number(high, digits)})"


def signed_value_with_bounds(check: Check) -> str:
    """Value and bounds of a check, with signs where it is a difference."""
    if check.rows == 0:
        return "not known"
    if check.reference is None:
        return value_with_interval(check.value, check.low, check.high)
    low, high = (f"{b:+.3f}" if math.isfinite(b) else "none" for b in (check.low, check.high))
    return f"{check.value:+.3f} ({low} to {high})"


def rule_words(check: Check, main_task: str) -> str:
    """`non-inferiority of micro_f1`, with the guard task and the slice where there is one."""
    guard = "" if check.task == main_task else f" on {check.task}"
    part = f" where {check.slice}" if check.slice and not check.critical else ""
    optional = "" if check.required else " (reported only)"
    about = f"the critical {check.critical}" if check.critical else check.metric
    pooled = "pooled " if check.pooled is not None else ""
    return f"{pooled}{check.kind} of {about}{guard}{part}{optional}"


def is_ceiling(check: Check) -> bool:
    """Whether the check is of something that must stay below its threshold."""
    return check.kind in ("ceiling", "stability")


def threshold_words(check: Check) -> str:
    """What the bounds must lie above, below or between."""
    if check.kind == "no-significant-drop":
        return f"without a drop at p ≤ {check.alpha:g}"
    if check.kind == "equivalence":
        return f"within ±{abs(check.threshold):g}"
    return f"{'below' if is_ceiling(check) else 'above'} {check.threshold:g}"


def p_words(p_value: float) -> str:
    """A p-value to four digits."""
    return "<0.0001" if p_value < 1e-4 else f"{p_value:.4f}"
