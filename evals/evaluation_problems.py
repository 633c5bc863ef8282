"""What is wrong with the columns of an evaluation, before anything is computed from them.

Does: find text and negative numbers, scores beyond their range, answers of which nothing was measured
among others of which it was, and slices with holes; with column and rows. Does not: look at answers,
or insist on columns and finite scores that no rule asks for (evals/stats/totals.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any

from configs.errors import EvidenceError
from evals.evaluation import SLICE_PREFIX, Evaluation
from evals.metric import ROWS, Metric, Ratio

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MEASURED = ("input_tokens", "output_tokens", "latency_s")
"""Columns in which 0 in all rows, or no number in any, means that nothing was measured."""
SHOWN = 5
"""Most ids named per problem."""
ROUNDING = 1e-9

Numbers = dict[str, "np.ndarray"]


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with one column."""

    column: str
    """Column, or columns that are added up."""
    expected: str
    got: str
    """Of the first row concerned."""
    rows: int
    """How many rows are concerned, at least 1."""
    ids: tuple[str, ...]
    """Ids of the first five of them."""

    def __str__(self) -> str:
        more = f" and {self.rows - len(self.ids)} more" if self.rows > len(self.ids) else ""
        return (
            f"column {self.column}: expected {self.expected}, got {self.got} in row "
            f"{', '.join(self.ids)}{more}"
        )


def problems_of(evaluation: Evaluation) -> tuple[Problem, ...]:
    """Everything that is wrong with the scores, costs and slices of an evaluation; () if nothing is.

    Columns that are absent, and scores that are missing, are left to whoever needs them.
    """
    frame = evaluation.frame
    wanted = dict.fromkeys(column for m in evaluation.metrics for column in m.columns)
    numbers: Numbers = {}
    problems: list[Problem] = []
    for column in (*wanted, *MEASURED):
        if column in frame.columns:
            problems += _not_numbers(frame, column, numbers)
    for column, values in numbers.items():
        problems += _found(frame, column, "0 or more", values, values < 0)
    for column in MEASURED:
        problems += _half_measured(frame, column, numbers)
    for metric in evaluation.metrics:
        for ratio in metric.ratios:
            problems += _beyond(frame, metric, ratio, numbers)
    for column in map(str, frame.columns):
        if column.startswith(SLICE_PREFIX):
            problems += _holes(frame, column)
    # Metrics share columns: each problem is told once.
    return tuple(dict.fromkeys(problems))


def refuse_problems(evaluations: Iterable[Evaluation]) -> None:
    """Raise for the first evaluation with problems, naming all of these.

    Raises:
        EvidenceError: with every problem, its column and its rows.
    """
    for evaluation in evaluations:
        if problems := problems_of(evaluation):
            told = "; ".join(map(str, problems))
            raise EvidenceError(
                f"{evaluation.system} on {evaluation.task}",
                f"expected sound rows, got {len(problems)} "
                f"problem{'s' if len(problems) > 1 else ''}: {told}",
                "Correct what wrote these rows, and evaluate them again.",
            )


def _not_numbers(frame: pd.DataFrame, column: str, numbers: Numbers) -> Iterator[Problem]:
    """Put the column among the numbers, or tell which rows hold none."""
    import numpy as np
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    values = frame[column]
    if not (is_numeric_dtype(values) or is_bool_dtype(values)):
        odd = ~(values.isna() | values.map(lambda value: isinstance(value, Real | np.bool_)))
        if odd.any():
            yield from _found(frame, column, "a number", values.to_numpy(object), odd.to_numpy())
            return
    numbers[column] = values.to_numpy(dtype=float, na_value=np.nan)


def _half_measured(frame: pd.DataFrame, column: str, numbers: Numbers) -> Iterator[Problem]:
    import numpy as np

    values = numbers.get(column)
    if values is None or not (values > 0).any():
        return
    odd = ~np.isfinite(values)
    yield from _found(frame, column, "a number in every row or in none", values, odd)


def _beyond(
    frame: pd.DataFrame, metric: Metric, ratio: Ratio, numbers: Numbers
) -> Iterator[Problem]:
    """Rows that would put the ratio outside [0, 1], or that a binary metric cannot have."""
    import numpy as np

    parts = {**ratio.numerator, **ratio.denominator, **ratio.missed}
    used = [numbers[column] for column in parts if column in numbers]
    if len(used) < len(set(parts) - {ROWS}):
        return  # absent, or no numbers: told before, or by whoever needs them
    top, bottom = (_sum(part, numbers) for part in (ratio.numerator, ratio.denominator))
    # Negative parts are told by themselves.
    fine = np.all([~(values < 0) for values in used], axis=0)
    mean = ratio.denominator == {ROWS: 1.0}
    below = "a score from 0 to 1" if mean else f"at most {' + '.join(ratio.denominator)}"
    over = fine & (top > bottom + ROUNDING)
    columns = " + ".join(ratio.numerator)
    yield from _found(frame, columns, below, top, over)
    if metric.binary and mean:
        between = fine & ~over & ~np.isnan(top) & (top != 0) & (top != 1)
        yield from _found(frame, columns, f"0 or 1, as {metric.name} is binary", top, between)


def _sum(weights: dict[str, float], numbers: Numbers) -> Any:
    return sum(
        weight * (1.0 if column == ROWS else numbers[column]) for column, weight in weights.items()
    )


def _holes(frame: pd.DataFrame, column: str) -> Iterator[Problem]:
    values = frame[column]
    missing = values.isna()
    if missing.any():
        yield from _found(
            frame, column, "a value in every row", ["none"] * len(frame), missing.to_numpy()
        )
    if values.dtype == object:
        text = values.map(lambda value: isinstance(value, str))
        odd = ~(text | missing)
        if text.any() and odd.any():
            yield from _found(
                frame, column, "text in every row", values.to_numpy(object), odd.to_numpy()
            )


def _found(
    frame: pd.DataFrame, column: str, expected: str, values: Any, odd: Any
) -> Iterator[Problem]:
    places = odd.nonzero()[0]
    if len(places):
        first = values[places[0]]
        got = f"{first:g}" if isinstance(first, float) else str(first)
        ids = tuple(str(id) for id in frame["id"].iloc[places[:SHOWN]])
        yield Problem(column, expected, got, len(places), ids)
