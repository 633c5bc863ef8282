"""What the checks found, in types that a report and a refusal are made from.

Does: hold findings; refuse by policy; lay findings out as rows of a table.
Does not: look at data, or render markdown (flows/steps/data_checks.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from pydantic import Field

from configs.data_checks import Action
from configs.errors import DataError
from configs.strict_model import StrictModel

Severity = Literal["ok", "warn", "refuse"]
ORDER: dict[Severity, int] = {"refuse": 0, "warn": 1, "ok": 2}


class Number(StrictModel):
    """A figure with what it rests on."""

    name: str
    """What it is, with its unit."""
    value: float
    low: float | None = None
    """Lower end of the range named in `range_of`."""
    high: float | None = None
    """Upper end."""
    range_of: Literal["95 % interval", "95 % of re-divisions"] | None = None
    """What low and high are: a confidence interval, or where the figure lies without drift."""
    n: int = Field(ge=0)
    """How many observations it rests on."""
    n_unit: Literal["rows", "documents", "items"]
    """What was counted."""
    p_value: float | None = Field(default=None, ge=0, le=1)
    """Of the hypothesis of no difference; corrected by Holm where several tests stand together."""


class Finding(StrictModel):
    """The outcome of one check."""

    check: str
    """Path of the check in the policy, such as `near_duplicates`."""
    severity: Severity
    """`ok` when there was nothing to act on."""
    sentence: str
    """What was found, in plain words."""
    ids: tuple[str, ...] = ()
    """The first of the rows, documents, classes or fields concerned."""
    count: int = Field(default=0, ge=0)
    """How many are concerned in all."""
    numbers: tuple[Number, ...] = ()
    """The figures behind the sentence."""


class ClassCount(StrictModel):
    """How often one class or field occurs in one split."""

    split: str
    """`train`, `validation` or `test`."""
    name: str
    """Class, field, or `field=value` for a field with a closed list of values."""
    items: int
    """Gold items."""
    share: float
    """Of all gold items of the split (fields and `field=value` counted apart), a fraction."""
    rows: int
    """Rows with at least one."""
    rows_share: float
    """Of all rows of the split, a fraction."""


class SplitSize(StrictModel):
    """How much there is."""

    split: str
    """`train`, `validation` or `test`."""
    rows: int
    """Rows."""
    documents: int
    """Independent documents."""


class DataReport(StrictModel):
    """All checks of one data set."""

    splits: tuple[SplitSize, ...]
    """Sizes."""
    findings: tuple[Finding, ...]
    """What must be acted on first."""
    balance: tuple[ClassCount, ...]
    """Counts by class or field."""

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """Findings of one severity."""
        return tuple(f for f in self.findings if f.severity == severity)


def finding(
    check: str,
    action: Action,
    found: bool,
    sentence: str,
    ids: Iterable[str] = (),
    numbers: Iterable[Number] = (),
    shown_ids: int = 10,
) -> Finding:
    """A finding with the policy's severity if there is something, `ok` otherwise.

    Args:
        action: of the policy; a check that is off must not be run at all.
        shown_ids: how many of the ids to keep.
    """
    if action == "off":
        raise ValueError(f"{check}: expected a check that is on, got off")
    named = tuple(ids)
    return Finding(
        check=check,
        severity=action if found else "ok",
        sentence=sentence,
        ids=named[:shown_ids],
        count=len(named),
        numbers=tuple(numbers),
    )


def require_acceptable(report: DataReport) -> None:
    """Let data pass that no check of the policy refuses.

    Raises:
        DataError: otherwise; every refusal is explained and the rows concerned are named.
    """
    refused = report.of("refuse")
    if not refused:
        return
    explained = "".join(f"\n  - {f.check}: {f.sentence}{_named(f)}" for f in refused)
    checks = ", ".join(dict.fromkeys(f.check for f in refused))
    raise DataError(
        "data",
        f"expected data that pass every check, got {len(refused)} refused{explained}",
        f"Correct the rows, or set {checks} to warn in data_checks if this is meant.",
    )


def _named(found: Finding) -> str:
    if not found.ids:
        return ""
    more = found.count - len(found.ids)
    return f" [{', '.join(found.ids)}{f' and {more} more' if more > 0 else ''}]"


def _shown(number: Number) -> str:
    text = f"{number.name} {number.value:.3g}"
    if number.low is not None and number.high is not None:
        text += f" ({number.range_of} {number.low:.3g} to {number.high:.3g})"
    if number.p_value is not None:
        text += f", p = {number.p_value:.2g}"
    return f"{text}, n = {number.n:,} {number.n_unit}"


def findings_table(report: DataReport) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of all findings, worst first; cells are markdown."""
    ordered = sorted(report.findings, key=lambda f: ORDER[f.severity])
    rows = [
        [
            f.severity,
            f"`{f.check}`",
            f.sentence + _named(f) * (f.severity != "ok"),
            "; ".join(map(_shown, f.numbers)),
        ]
        for f in ordered
    ]
    return ["outcome", "check", "what was found", "figures"], rows


def balance_table(report: DataReport) -> tuple[list[str], list[list[str]]]:
    """Header and rows of a table of gold items by class or field, one column per split."""
    splits = [size.split for size in report.splits]
    by_name: dict[str, dict[str, ClassCount]] = {}
    for count in report.balance:
        by_name.setdefault(count.name, {})[count.split] = count
    rows = []
    for name, counts in by_name.items():
        cells = [f"{c.items:,} ({c.share:.1%})" if (c := counts.get(s)) else "0" for s in splits]
        rows.append([f"`{name}`", *cells])
    return ["class or field", *(f"{split}: items (share)" for split in splits)], rows
