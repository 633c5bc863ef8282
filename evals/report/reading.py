"""The part of a report that says how answers were read, how many could be, and which items counted.

Does: one table by system. Does not: refuse anything (evals/readability.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from evals.evaluation import Evaluation
from evals.readability import readable_share
from evals.report.blocks import Block, Section, Table, Text
from evals.report.wording import n_words, value_with_interval
from evals.scorers.false_items import CAP_WORDS
from evals.scorers.scorer import FP_LEFT_OUT


def reading_section(evaluations: Mapping[str, Evaluation]) -> Section | None:
    """Share of readable answers with its interval, answers cut off, false items left out; None where
    no evaluation tells any of it."""
    shares = {system: readable_share(e) for system, e in evaluations.items()}
    left_out = {system: _left_out(e) for system, e in evaluations.items()}
    if all(share is None for share in shares.values()) and not any(left_out.values()):
        return None
    rows = []
    for system, evaluation in evaluations.items():
        share = shares[system]
        rows.append(
            (
                system,
                value_with_interval(share.value, *share.bounds) if share else "",
                str(share.cut_off) if share else "",
                left_out[system],
                n_words(evaluation.rows, evaluation.clusters),
            )
        )
    header = ("system", "readable", "cut off", "false items left out", "n")
    readings = dict.fromkeys(e.reading for e in evaluations.values() if e.reading)
    blocks: list[Block] = [
        Text(f"Answers of every system were read as {reading}.") for reading in readings
    ]
    if any(left_out.values()):
        blocks.append(Text(f"False items: {CAP_WORDS}. What that leaves out is counted here."))
    blocks.append(Table("How many answers could be read", header, tuple(rows)))
    return Section("How answers were read", tuple(blocks))


def _left_out(evaluation: Evaluation) -> str:
    """False items that no metric counts, by count where a task has several; empty where none are."""
    columns = [c for c in map(str, evaluation.frame.columns) if c.startswith(FP_LEFT_OUT)]
    parts = []
    for column in columns:
        name = column.removeprefix(FP_LEFT_OUT).removeprefix(".")
        number = int(evaluation.frame[column].sum())
        parts.append(f"{name}: {number}" if name else str(number))
    return ", ".join(parts)
