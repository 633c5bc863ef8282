"""What asking rows again changed, for the reader of a report or of the terminal.

Does: a line per system, how far metrics moved, which rows changed, and whether a margin is as small as
that. Does not: ask (evals/stability.py), or judge (evals/stability_check.py).
"""

from __future__ import annotations

from collections.abc import Mapping

from configs.gate_policy import GateConfig
from evals.report.blocks import Block, Bullets, Diff, Heading, Section, Table, Text
from evals.report.regressions import word_diff
from evals.report.wording import counted, listed, n_words
from evals.stability import Stability

NOISE_SHARE = 0.1
"""Part of a margin that asking again may move a metric by before the report says so."""
SHOWN_METRICS = 6
SHOWN_ROWS = 10


def percent(share: float) -> str:
    """A share in percent with one decimal, such as `2.5%`."""
    return f"{100 * share:.1f}".removesuffix(".0") + "%"


def stability_line(found: Stability) -> str:
    """One sentence: how many answers changed, with interval and n, and how far the metric moved."""
    primary = found.moved[0]
    return (
        f"{len(found.changed)} of {counted(found.rows, 'answer')} changed "
        f"({percent(found.low)} to {percent(found.high)}) when asked again {_how(found)}; "
        f"{primary.metric} moved by {abs(primary.moved):.4f} ({primary.low:+.4f} to "
        f"{primary.high:+.4f}) on these {n_words(found.rows, found.clusters)}"
    )


def noise_sentences(policy: GateConfig, stabilities: Mapping[str, Stability]) -> list[str]:
    """A sentence per margin of the policy that is of the size of the noise of asking."""
    sentences = []
    for rule in policy.comparisons:
        moves = {
            system: abs(moved.moved)
            for system, found in stabilities.items()
            if (moved := found.of(rule.metric)) and abs(moved.moved) > NOISE_SHARE * rule.margin
        }
        if rule.task is not None or not moves:
            continue
        told = [
            f"{system}'s by {move:.4f}, {percent(move / rule.margin)} of it"
            for system, move in moves.items()
        ]
        sentences.append(
            f"The margin of {rule.margin:g} for {rule.metric} is of the size of the noise of asking: "
            f"asking again moved {listed(told)}."
        )
    return list(dict.fromkeys(sentences))


def stability_section(
    policy: GateConfig,
    stabilities: Mapping[str, Stability],
    not_asked: Mapping[str, str],
    show_text: bool,
) -> Section | None:
    """All that is known about the stability of the evaluations; None if nothing was to be asked.

    Args:
        stabilities: by system, those asked again.
        not_asked: system -> why it was not asked again.
        show_text: whether answers may be shown.
    """
    if not stabilities and not not_asked:
        return None
    lines = [f"{system}: {stability_line(found)}." for system, found in stabilities.items()]
    lines += [f"{system}: not asked again, {why}." for system, why in not_asked.items()]
    blocks: list[Block] = [
        Text(
            "Temperature is 0 everywhere, yet answers may depend on which others share their batch. "
            "Rows drawn at random were therefore asked twice; 95% intervals."
        ),
        Bullets(tuple(lines)),
    ]
    blocks += [Text(sentence) for sentence in noise_sentences(policy, stabilities)]
    if any(moved.moved for found in stabilities.values() for moved in found.moved):
        blocks.append(_metric_table(stabilities))
    for system, found in stabilities.items():
        if not found.changed:
            continue
        blocks += [Heading(f"Changed answers of {system}"), _changed_table(system, found)]
        if (left := len(found.changed) - SHOWN_ROWS) > 0:
            blocks.append(Text(f"{left} more are in stability.json."))
        if show_text:
            blocks += [
                Diff(
                    f"Row {row.id}, from the first to the second:", word_diff(row.first, row.again)
                )
                for row in found.changed[:SHOWN_ROWS]
                if row.first is not None and row.again is not None
            ]
    return Section("Stability of the evaluation", tuple(blocks))


def _how(found: Stability) -> str:
    if found.batch_sizes is None:
        return "in another order"
    first, again = found.batch_sizes
    if first == again:
        return f"in another order, {first} at once as before"
    at_once = "one at a time" if again == 1 else f"{again} at once"
    return f"{at_once} instead of {first}, in another order"


def _metric_table(stabilities: Mapping[str, Stability]) -> Table:
    rows = tuple(
        (
            system,
            moved.metric,
            f"{moved.first:.4f}",
            f"{moved.again:.4f}",
            f"{moved.moved:+.4f} ({moved.low:+.4f} to {moved.high:+.4f})",
            n_words(found.rows, found.clusters),
        )
        for system, found in stabilities.items()
        for moved in [one for one in found.moved if one.moved][:SHOWN_METRICS]
    )
    header = ("system", "metric", "first", "again", "moved by", "n")
    return Table("Metrics that moved over the rows that were asked twice", header, rows)


def _changed_table(system: str, found: Stability) -> Table:
    rows = tuple(
        (row.id, row.cluster, ", ".join(row.metrics[:SHOWN_METRICS]) or "none")
        for row in found.changed[:SHOWN_ROWS]
    )
    header = ("row", "document", "changed scores")
    return Table(f"Rows whose answer by {system} changed", header, rows)
