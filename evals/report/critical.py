"""The report's section on critical labels: every rule in one line, and what was missed.

Does: put values, n and verdicts into tables; write the full list of what was missed beside the
report. Does not: decide.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from configs.critical_labels import CriticalLabel
from evals.critical_misses import CriticalMiss, Gold, critical_misses
from evals.critical_rows import carrying_documents, rows_of_rule
from evals.decision import CandidateResult, Check, Decision
from evals.evaluation import Evaluation
from evals.report.blocks import Block, Heading, Section, Table, Text
from evals.report.sections import of_interest
from evals.report.wording import (
    OUTCOMES,
    counted,
    reference_words,
    signed_value_with_bounds,
    threshold_words,
    value_with_interval,
)
from evals.stats.estimates import estimate

MISSES_FILE = "critical-false-negatives.json"
MOST_SHOWN = 50
"""Rows that the report lists per rule; the file has all."""


def critical_section(
    directory: Path,
    decision: Decision,
    evaluations: Mapping[str, Evaluation],
    gold: Gold | None,
) -> Section | None:
    """The section, and the file `critical-false-negatives.json` beside the report; None and no file
    where the policy has no critical rule.

    Args:
        gold: right answers, if their texts may be shown.
    """
    rules = decision.policy.critical
    if not rules:
        return None
    result = of_interest(decision)
    candidate = result.candidate
    blocks: list[Block] = [
        Text(
            f"What must not get lost, as {candidate} keeps it. A value is counted on the documents "
            "that carry the label, with a 95% interval; differences and minima have the bounds of "
            "the checks."
        ),
        _rules_table(rules, result, evaluations),
    ]
    if candidate in evaluations:
        found = {rule: critical_misses(rule, evaluations[candidate], gold) for rule in rules}
        _write_misses(directory / MISSES_FILE, candidate, found)
        for rule, misses in found.items():
            blocks += _misses_blocks(rule, candidate, misses, gold is not None)
        if gold is None and any(found.values()):
            blocks.append(
                Text(
                    "What was missed is not shown, because it may name people; a task whose texts "
                    "may be shown says so."
                )
            )
    return Section("Critical labels", tuple(blocks))


def _rules_table(
    rules: Sequence[CriticalLabel],
    result: CandidateResult,
    evaluations: Mapping[str, Evaluation],
) -> Table:
    from evals.checks import outcome_of_all

    checks = {
        rule: [check for check in result.checks if check.critical == rule.words] for rule in rules
    }
    references = dict.fromkeys(
        str(c.reference) for own in checks.values() for c in own if c.reference
    )
    rows, outcomes = [], []
    for rule, own in checks.items():
        # A rule against a champion alone has no check while there is no champion.
        outcome = outcome_of_all([check.outcome for check in own]) if own else "inconclusive"
        asked = {str(check.reference) for check in own if check.reference}
        carried = [check.carriers for check in own if check.carriers is not None]
        rows.append(
            (
                f"{rule.words}{'' if rule.required else ' (reported only)'}",
                str(min(carried)) if carried else "",
                _value_cell(rule, result.candidate, evaluations),
                *(
                    _value_cell(rule, _system(name), evaluations) if name in asked else ""
                    for name in references
                ),
                "; ".join(map(_check_words, own)),
                OUTCOMES[outcome] if own else "nothing to compare with yet",
            )
        )
        outcomes.append(outcome)
    header = (
        "rule",
        "documents that carry it",
        result.candidate,
        *references,
        "must be, and is",
        "outcome",
    )
    return Table("Every critical rule", header, tuple(rows), tuple(outcomes))


def _system(reference: str) -> str:
    return "fine-tuned" if reference == "unquantized" else reference


def _check_words(check: Check) -> str:
    """What one check of a rule found and asked for, without its outcome unless it failed."""
    found = signed_value_with_bounds(check)
    against = f" against {reference_words(check.reference)}" if check.reference else ""
    end = "" if check.outcome == "promote" else f": {OUTCOMES[check.outcome]}"
    if check.reason == "too-few-carriers":
        end += ", too few documents"
    return f"{threshold_words(check)}{against}, is {found}{end}"


def _value_cell(rule: CriticalLabel, system: str, evaluations: Mapping[str, Evaluation]) -> str:
    if system not in evaluations:
        return ""
    part = rows_of_rule(rule, evaluations[system])
    frame = part.frame
    if rule.measure == "recall":
        frame = frame[frame["cluster"].astype(str).isin(carrying_documents(rule, part))]
    if frame.empty:
        return "nothing to count"
    found = estimate(part, rule.metric, frame=frame)
    n = counted(len(carrying_documents(rule, part)), "document")
    return f"{value_with_interval(found.value, found.low, found.high)}, {n}"


def _misses_blocks(
    rule: CriticalLabel, candidate: str, misses: Sequence[CriticalMiss], with_text: bool
) -> list[Block]:
    heading = Heading(f"False negatives: {rule.words}")
    if not misses:
        return [heading, Text(f"{candidate} misses none.")]
    false_positives = rule.measure != "recall"
    header = ["row", "document", "missed", "of"]
    header += ["wrongly claimed"] if false_positives else []
    header += ["what was missed"] if with_text else []
    rows = []
    for miss in misses[:MOST_SHOWN]:
        cells = [miss.id, miss.cluster, str(miss.missed), str(miss.gold)]
        cells += [str(miss.wrongly_claimed)] if false_positives else []
        cells += ["; ".join(miss.texts)] if with_text else []
        rows.append(tuple(cells))
    total, there = sum(m.missed for m in misses), counted(len(misses), "row")
    text = f"{candidate} misses {total} in {there}."
    if (more := len(misses) - MOST_SHOWN) > 0:
        text += f" {MOST_SHOWN} are listed; {more} more are in {MISSES_FILE} beside this report."
    else:
        text += f" The same list is in {MISSES_FILE} beside this report."
    table = Table(f"Rows in which {candidate} misses {rule.words}", tuple(header), tuple(rows))
    return [heading, Text(text), table]


def _write_misses(
    path: Path, candidate: str, found: Mapping[CriticalLabel, Sequence[CriticalMiss]]
) -> None:
    content = {
        "candidate": candidate,
        "rules": [
            {"rule": rule.words, "rows": [asdict(miss) for miss in misses]}
            for rule, misses in found.items()
        ],
    }
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False), encoding="utf-8")
