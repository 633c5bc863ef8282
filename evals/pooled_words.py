"""What a decision over several guard tasks found, in sentences for decisions and reports.

Does: phrase counts, tests and what the test could have found. Does not: decide anything.
"""

from __future__ import annotations

from evals.decision import Check, PooledFacts

UNEVEN = (
    "cannot be told, as so few documents weigh so much that losing them alone would break the rule; "
    "weigh questions alike, or ask about as many questions of each document"
)


def pooled_sentence(candidate: str, check: Check, min_clusters: int) -> str:
    """One line of a decision's reasons about a check over several guard tasks."""
    facts = check.pooled
    assert facts is not None
    optional = "" if check.required else " (not required)"
    return (
        f"{candidate}: {counts_words(check, facts)} against {check.reference} "
        f"({_tasks(facts)}), {check.metric} {check.value:+.4f}, bounds {check.low:+.4f} to "
        f"{check.high:+.4f}: {_verdict(check, facts, min_clusters)}{optional}."
    )


def counts_words(check: Check, facts: PooledFacts) -> str:
    """`pooled over 3 guard tasks: 12 of 1,500 answers lost, 9 gained`."""
    number = len(facts.tasks)
    equally = ", each counting alike" if facts.weighting == "tasks" and number > 1 else ""
    return (
        f"pooled over {number} guard task{'' if number == 1 else 's'}{equally}: {facts.lost:,} of "
        f"{check.rows:,} answers lost, {facts.gained:,} gained"
    )


def alarm_words(check: Check, facts: PooledFacts) -> str:
    """What an alarm found, or what it would have found."""
    p_value = f"one-sided p {_p(facts.p_drop)}, alpha {check.alpha:.4g}"
    if check.outcome == "reject":
        return f"more is lost than chance explains ({p_value})"
    return f"no significant drop ({p_value}); this is no proof that there is none: {could(facts)}"


def could(facts: PooledFacts) -> str:
    """The smallest drop that the test would probably have found."""
    if facts.detectable_drop is None:
        return "with so few answers no drop would be found with a chance of 80%"
    return (
        f"a drop of {hundredths(facts.detectable_drop)} would be found with a chance of 80% from so "
        "many answers"
    )


def hundredths(fraction: float) -> str:
    """A fraction in points of 100 without its sign, to two digits after the point.

    >>> hundredths(-0.003), hundredths(0.01)
    ('0.3 points', '1 point')
    """
    value = f"{abs(100 * fraction):.2f}".rstrip("0").rstrip(".")
    return f"{value} point" if value == "1" else f"{value} points"


def _verdict(check: Check, facts: PooledFacts, min_clusters: int) -> str:
    if check.reason == "too-few-documents":
        return f"cannot be told from fewer than {min_clusters} documents"
    if check.kind == "no-significant-drop":
        return alarm_words(check, facts)
    if check.reason == "too-uneven":
        return UNEVEN
    rule = f"margin {-check.threshold:g}"
    if check.outcome == "promote":
        return f"holds at {rule}"
    if check.outcome == "reject":
        return f"fails at {rule}"
    more = check.further_documents
    settled = f"; about {more:,} more documents would probably settle it" if more else ""
    return f"cannot be told at {rule}{settled}"


def _tasks(facts: PooledFacts) -> str:
    return ", ".join(
        f"{task.task} {task.lost:,} lost and {task.gained:,} gained of {task.rows:,}"
        for task in facts.tasks
    )


def _p(value: float) -> str:
    return "< 0.0001" if value < 1e-4 else f"= {value:.4f}"
