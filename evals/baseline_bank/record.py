"""What is known of a record besides its answers: whose they are, since when, and what they cost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import AwareDatetime, Field

from configs.gate_policy import TokenPrices
from configs.strict_model import StrictModel
from evals.baseline_bank.answers import BankedAnswer
from evals.baseline_bank.identity import BaselineIdentity


class Totals(StrictModel):
    """Sums over the answers of a record."""

    rows: int = Field(default=0, ge=0)
    """Rows answered."""
    asked: int = Field(default=0, ge=0)
    """Answers the model was asked for; the other rows share one of them."""
    input_tokens: int = Field(default=0, ge=0)
    """Prompt tokens of the answers asked for, as far as reported."""
    output_tokens: int = Field(default=0, ge=0)
    """Tokens written in the answers asked for, as far as reported."""
    cost: float | None = None
    """Sum of what was paid; None when no answer has a price."""
    unpriced: int = Field(default=0, ge=0)
    """Answers asked for without a price, which `cost` leaves out."""


class BaselineRecord(StrictModel):
    """`record.json`."""

    identity: BaselineIdentity
    engine_name: str
    """What reports call the model."""
    engine_versions: tuple[str, ...] = ()
    """Versions of the computing software, as it reported itself, in the order met; more than one
    when it was updated between sessions. `unknown` where it does not tell."""
    data_digests: tuple[str, ...] = ()
    """Data files that were asked, by digest."""
    created_at: AwareDatetime
    """When recording began, UTC."""
    expires_at: AwareDatetime | None = None
    """From when on the answers are refused, UTC; None: never."""
    price: TokenPrices | None = None
    """Prices that the costs of the latest session were computed with."""
    totals: Totals = Totals()
    """As of the end of the latest session that could still write it."""


def totals_of(answers: Iterable[BankedAnswer]) -> Totals:
    """Sum up answers; those shared between rows count once."""
    listed = list(answers)
    asked = [answer for answer in listed if answer.shared_with is None]
    costs = [answer.cost for answer in asked if answer.cost is not None]
    return Totals(
        rows=len(listed),
        asked=len(asked),
        input_tokens=sum(answer.input_tokens for answer in asked),
        output_tokens=sum(answer.output_tokens for answer in asked),
        cost=sum(costs) if costs else None,
        unpriced=len(asked) - len(costs),
    )


def since(record: BaselineRecord, answers: Iterable[BankedAnswer]) -> datetime:
    """When the oldest answer was given; when recording began, if there is none."""
    return min((answer.answered_at for answer in answers), default=record.created_at)


def expiry_problem(
    record: BaselineRecord, oldest: datetime, max_age_days: float | None, now: datetime
) -> str | None:
    """Why the record is too old, as `expected rule, got value`; None when it is not.

    Args:
        oldest: see `since`.
        max_age_days: oldest answer that may still be used; None for no limit besides `expires_at`.
    """
    if record.expires_at is not None and now >= record.expires_at:
        return (
            f"expected a record that has not expired, got one that did on {_day(record.expires_at)}"
        )
    age = now - oldest
    if max_age_days is not None and age > timedelta(days=max_age_days):
        return (
            f"expected answers of the last {max_age_days:g} days, got one of {_day(oldest)} "
            f"({age / timedelta(days=1):.1f} days old)"
        )
    return None


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
