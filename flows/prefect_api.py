"""A connection to the Prefect server for commands, with failures for the person who must act.

Does: open a client, turn Prefect's failures into PrefectError.
Does not: start a server; one that is configured must answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from configs.errors import PrefectError

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

SHOWN_ERROR_CHARACTERS = 500


@contextmanager
def prefect_client(doing: str) -> Iterator[SyncPrefectClient]:
    """A client of the configured server.

    Args:
        doing: what it is for, such as `applying automations`, for error messages.
    Raises:
        PrefectError: when the server is unreachable, or refuses a request made in the block.
    """
    import httpx
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import get_current_settings

    address = get_current_settings().api.url or "none configured"
    where = f"Prefect at {address}"
    try:
        with get_client(sync_client=True) as client:
            yield client
    except PrefectHTTPStatusError as error:
        reason = error.response.text[:SHOWN_ERROR_CHARACTERS]
        status = error.response.status_code
        action = (
            "Set PREFECT_API_AUTH_STRING to the server's."
            if status in (401, 403)
            else "Look into the server's log; `pawl doctor` checks its version and settings."
        )
        raise PrefectError(where, f"{doing} was refused with {status}: {reason}", action) from error
    except (httpx.TransportError, RuntimeError) as error:
        # Prefect says by a bare RuntimeError that no server answered when the client was opened.
        if isinstance(error, RuntimeError) and "reach" not in str(error):
            raise
        raise PrefectError(
            where,
            f"unreachable while {doing}: {str(error)[:SHOWN_ERROR_CHARACTERS]}",
            "Start it, or correct PREFECT_API_URL.",
        ) from error
