"""Why a source of weights cannot be looked at, and what to do about it.

Does: word the failures of the hub and of storage alike. Does not: retry.
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from configs.errors import WeightsError

CREDENTIALS = {
    "hf": "Check HF_TOKEN, and that its account was given access to this repository.",
    "s3": "Check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the role) and its rights to list and "
    "read there.",
    "gs": "Check GOOGLE_APPLICATION_CREDENTIALS (or the service account) and its rights to list and read "
    "there.",
    "file": "Let the user who runs the worker read it.",
}
GONE = "Correct the source or take it off the list; until then it is not followed."
NEXT_LOOK = "Nothing need be done: the next look asks again."


class SourceError(WeightsError):
    """A source cannot be looked at until somebody does something."""


class GoneError(SourceError):
    """There is no such source, or not any more."""


class RateLimitedError(SourceError):
    """A source answers too many questions already; it is asked again at the next look."""


def scheme_of(source: str) -> str:
    """`hf`, `s3`, `gs`, `file` or `models`."""
    return source.partition(":")[0]


def refused(source: str, said: str) -> SourceError:
    """Credentials are missing, revoked or not enough."""
    action = CREDENTIALS[scheme_of(source)]
    return SourceError(source, f"expected to be let in, got: {said}", action)


def gone(source: str, said: str) -> GoneError:
    """There is no such source, or a part of it vanished."""
    return GoneError(source, f"expected weights there, got: {said}", GONE)


def rate_limited(source: str, wait_s: float | None) -> RateLimitedError:
    """Too many questions.

    Args:
        wait_s: how long to wait, as the source says, in seconds; None if it does not.
    """
    told = "" if wait_s is None else f"; it asks to wait {wait_s:.0f} s"
    return RateLimitedError(source, f"expected an answer, got a rate limit{told}", NEXT_LOOK)


def unreachable(source: str, error: Exception) -> SourceError:
    """No answer, or one that makes no sense."""
    said = f"{type(error).__name__}: {error}".strip()[:300]
    action = "Check the network and that service; the next look asks again."
    return SourceError(source, f"expected an answer, got {said}", action)


@contextmanager
def told_by_storage(source: str) -> Iterator[None]:
    """Let a block that reads a directory or a bucket fail with a `SourceError`.

    Raises:
        SourceError: for whatever the storage or its client library reports.
    """
    try:
        yield
    except WeightsError:
        raise
    except PermissionError as error:
        raise refused(source, str(error)) from error
    except FileNotFoundError as error:
        raise gone(source, f"nothing ({error})") from error
    except ModuleNotFoundError as error:
        extra = {"s3": "s3", "gs": "gcs"}[scheme_of(source)]
        raise SourceError(
            source,
            f"expected its driver {error.name}, found none",
            f"pip install 'pawl-llm[{extra}]'",
        ) from error
    except Exception as error:  # each client library has errors of its own, without a common base
        raise _by_code(source, error) from error


def _by_code(source: str, error: Exception) -> SourceError:
    code = str(getattr(error, "code", ""))
    if code == "429" or getattr(error, "errno", None) == errno.EBUSY:
        return rate_limited(source, None)
    # gcsfs tells 403 by these words alone.
    if (
        code in ("401", "403")
        or str(error).startswith("Forbidden")
        or type(error).__name__
        in (
            "NoCredentialsError",
            "PartialCredentialsError",
            "RefreshError",
            "DefaultCredentialsError",
        )
    ):
        return refused(source, str(error)[:300])
    if code == "404":
        return gone(source, str(error)[:300])
    return unreachable(source, error)
