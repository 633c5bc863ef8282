"""A server's clock, as its answers tell it."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

HEADER_AGE_S = 2.0
"""Whole seconds, which servers such as uvicorn moreover write only once a second."""


def clock_ahead_s(answer: httpx.Response) -> float | None:
    """Server's clock minus ours in seconds, as near to 0 as the answer allows; None if it tells none.

    To be called as soon as the answer is there: it takes that time to be now.

    The header is rounded down and was written at some time while we waited, so the difference is
    known to within that; only what lies outside of it is a difference of clocks.
    """
    header = answer.headers.get("date")
    if header is None:
        return None
    told = parsedate_to_datetime(header)
    arrived = datetime.now(UTC)
    # The server's clock showed [told, told + 2 s) some time in [arrived - elapsed, arrived].
    least = (told - arrived).total_seconds()
    most = least + HEADER_AGE_S + answer.elapsed.total_seconds()
    if least <= 0 <= most:
        return 0.0
    return least if least > 0 else most
