"""Prefect's server restarts while work goes on: what is worth waiting for it, and for how long.

Does: repeat a request until the server answers. Does not: repeat what the server refused.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from httpx import TransportError
from tenacity import Retrying as Attempts
from tenacity import retry_if_exception_type, stop_after_delay, wait_exponential

WAIT_S = 180.0
"""A server that migrates its database takes a minute to start again."""

Answer = TypeVar("Answer")


def once_the_server_answers(request: Callable[[], Answer], wait_s: float = WAIT_S) -> Answer:
    """The answer to a request, repeated while the server cannot be reached.

    Prefect's own client gives up at once when its first connection is refused.

    Args:
        request: may be made more than once.
        wait_s: longest time to repeat it.
    Raises:
        httpx.TransportError: when the server stays away.
    """
    attempts = Attempts(
        retry=retry_if_exception_type(TransportError),
        wait=wait_exponential(multiplier=0.5, max=5),
        stop=stop_after_delay(wait_s),
        reraise=True,
    )
    return attempts(request)
