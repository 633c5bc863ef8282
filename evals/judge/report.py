"""What is known about a judge, as a record and as markdown.

Does: say in words what each figure means. Does not: measure (evals/judge/examination.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from configs.strict_model import StrictModel
from evals.judge.agreement import Agreement
from evals.judge.interval import Interval
from evals.judge.length_bias import LengthBias
from evals.judge.position_bias import PositionBias
from evals.judge.rectified_evaluation import JudgedMean
from evals.report.blocks import Table
from evals.report.markdown import escaped, table_markdown
from evals.report.wording import n_words, value_with_interval

SELF_PREFERENCE = (
    "Not measured: whether the judge prefers its own answers or those of its relatives. Do not let "
    "a model judge itself."
)


class JudgeReport(StrictModel):
    """One judge with one rubric."""

    judge: str
    judge_digest: str
    """`sha256:...` of model, rubric and length of judgements."""
    rubric: str
    agreements: tuple[Agreement, ...]
    """With people, by criterion; empty if there are no human labels."""
    length: tuple[LengthBias, ...]
    """By criterion; empty if there are no human labels."""
    position: PositionBias | None
    """None if no two labelled answers are to the same row."""
    unreadable: tuple[str, ...]
    """Labelled answers whose judgement could not be read."""
    minimum_kappa: float
    """What the lower bound of every kappa must reach."""
    refusals: tuple[str, ...]
    """Why the judge is no evidence; empty if it is."""


def judge_report_markdown(report: JudgeReport, means: Sequence[JudgedMean] = ()) -> str:
    """The report with, if given, mean scores of systems."""
    parts = [f"## Judge {escaped(report.judge)}, rubric {escaped(report.rubric)}", _verdict(report)]
    if means:
        parts += ["### Scores", _means(means)]
    if report.agreements:
        parts += ["### Agreement with people", _agreements(report.agreements)]
        parts += [_confusion(found) for found in report.agreements]
    if report.unreadable:
        listed = ", ".join(map(escaped, report.unreadable))
        parts.append(f"Unreadable judgements, counted as the worst: {listed}.")
    parts += ["### Bias", _position(report.position), *map(_length, report.length), SELF_PREFERENCE]
    return "\n\n".join(parts) + "\n"


def _verdict(report: JudgeReport) -> str:
    if report.refusals:
        return "**Refused as evidence**: " + "; ".join(map(escaped, report.refusals)) + "."
    if not report.agreements:
        return "**Not calibrated**: no person checked this judge; its scores are no proof."
    return f"**Admitted as evidence**: the lower bound of every kappa reaches {report.minimum_kappa:g}."


def _cell(interval: Interval | None) -> str:
    return value_with_interval(interval.value, interval.low, interval.high) if interval else ""


def _means(means: Sequence[JudgedMean]) -> str:
    rows = [
        (
            mean.system, mean.criterion, _cell(mean.rectified), _cell(mean.judge),
            _cell(mean.rogan_gladen), n_words(mean.rows, mean.clusters),
            str(mean.labelled), str(mean.unreadable),
        )
        for mean in means
    ]  # fmt: skip
    header = ("system", "criterion", "rectified by people (PPI++)", "judge alone", "Rogan-Gladen",
              "n", "labelled", "unreadable")  # fmt: skip
    return table_markdown(Table("Mean scores by criterion", header, tuple(rows)))


def _agreements(agreements: Sequence[Agreement]) -> str:
    rows = [
        (
            found.criterion, _cell(found.kappa), _cell(found.same),
            n_words(found.rows, found.clusters), f"{found.alpha:g}",
        )
        for found in agreements
    ]  # fmt: skip
    header = ("criterion", "kappa (quadratic weights)", "same score", "n", "error of each bound")
    return table_markdown(Table("Agreement of judge and people", header, tuple(rows)))


def _confusion(found: Agreement) -> str:
    title = f"{found.criterion}: answers by human score (line) and judge's score (column)"
    header = ("people / judge", *map(str, found.levels))
    lines = zip(found.levels, found.confusion, strict=True)
    rows = tuple((str(level), *map(str, counts)) for level, counts in lines)
    return f"{escaped(title)}\n\n{table_markdown(Table(title, header, rows))}"


def _position(found: PositionBias | None) -> str:
    if found is None:
        return "Position bias was not measured: no two labelled answers are to the same row."
    return (
        f"Position: {_cell(found.flips)} of the verdicts change with the order of the two answers; "
        f"net preference for the first place {_cell(found.first_place)} "
        f"({found.pairs} pairs, {found.clusters} documents)."
    )


def _length(found: LengthBias) -> str:
    condition = (
        "at equal human scores"
        if found.controlled
        else "human scores unknown, so this proves no bias"
    )
    return (
        f"Length: rank correlation of {escaped(found.criterion)} with the answer's length "
        f"{_cell(found.correlation)}, {condition} ({n_words(found.rows, found.clusters)})."
    )
