"""The part of a report about decisions over several guard tasks.

Does: say what was found, per task and together. Does not: decide (evals/pooled_checks.py).
"""

from __future__ import annotations

from evals.decision import Check, Decision
from evals.pooled_words import UNEVEN, alarm_words, could, counts_words
from evals.report.blocks import Block, Heading, Table, Text
from evals.report.wording import OUTCOMES, n_words, p_words, reference_words

HEADER = ("guard task", "metric", "lost", "gained", "gain", "n")


def pooled_blocks(decision: Decision) -> list[Block]:
    """A sentence and a table per check over several guard tasks; empty without any."""
    found = [(r.candidate, c) for r in decision.results for c in r.checks if c.pooled is not None]
    if not found:
        return []
    blocks: list[Block] = [
        Heading("Guard tasks together"),
        Text(
            "An answer is lost where the candidate scores lower than the reference on the same "
            "question, and gained where it scores higher. A harmless change loses and gains with "
            "equal chance."
        ),
    ]
    for candidate, check in found:
        blocks += [Text(_sentence(candidate, check)), _table(candidate, check)]
    return blocks


def _sentence(candidate: str, check: Check) -> str:
    facts = check.pooled
    assert facts is not None
    start = f"{candidate} against {reference_words(check.reference or '')}, "
    start += f"{counts_words(check, facts)}: "
    if check.reason == "too-uneven":
        return f"{start}{UNEVEN}."
    start += OUTCOMES[check.outcome]
    if check.reason == "too-few-documents":
        return f"{start}, because there are too few documents."
    if check.kind == "no-significant-drop":
        return f"{start}; {alarm_words(check, facts)}."
    return f"{start} at a margin of {-check.threshold:g}; p of any drop {p_words(facts.p_drop)}; {could(facts)}."


def _table(candidate: str, check: Check) -> Table:
    assert check.pooled is not None
    rows = tuple(
        (
            task.task,
            task.metric,
            f"{task.lost:,}",
            f"{task.gained:,}",
            f"{task.value:+.4f}",
            n_words(task.rows, task.clusters),
        )
        for task in check.pooled.tasks
    )
    total = (
        "together",
        check.metric,
        f"{check.pooled.lost:,}",
        f"{check.pooled.gained:,}",
        f"{check.value:+.4f} ({check.low:+.4f} to {check.high:+.4f})",
        n_words(check.rows, check.clusters),
    )
    return Table(f"Answers that {candidate} lost and gained", HEADER, (*rows, total))
