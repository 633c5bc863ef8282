"""The section of a report that says how far the verdict may be trusted on documents like these."""

from __future__ import annotations

from evals.report.blocks import Block, Bullets, Section, Table, Text
from evals.selftest_verdict import SelfTestVerdict


def self_test_section(verdict: SelfTestVerdict | None) -> Section | None:
    """Promotion rates of planted losses; None where no self-test ran."""
    if verdict is None:
        return None
    rows = tuple(
        (
            rate.metric,
            rate.where if rate.kind == "none" else f"{rate.kind}: {rate.where}",
            f"{rate.true_difference:+.3g}",
            f"{rate.rate:.3f} ({rate.low:.3f} to {rate.high:.3f}), n = {rate.gates}",
            "" if rate.allowed is None else f"{rate.allowed:.4g}",
        )
        for rate in verdict.planted
    )
    blocks: list[Block] = [
        Text(verdict.sentence),
        Table(
            "How often gates promoted candidates whose true difference is known",
            ("metric", "where it is worse", "true difference", "promoted, 95% interval", "allowed"),
            rows,
        ),
    ]
    if unknown := (*verdict.not_planted, *(f"Not exercised: {rule}" for rule in verdict.left_out)):
        blocks.append(Bullets(tuple(f"{text}." for text in unknown)))
    return Section("Self-test", tuple(blocks))
