"""A look at a branch or a tag of a Hugging Face repository.

Does: ask which commit it is and which files that has; the hub tells the sha256 of big ones, small ones
are fetched and digested. Does not: download weights. A commit is whole, so nothing is waited for.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from finetune.releases.observation import ObservedFile, Revision, is_downloaded
from finetune.releases.source_errors import (
    SourceError,
    gone,
    rate_limited,
    refused,
    unreachable,
)

PATIENCE_S = 20.0
"""Longest wait that a rate limit may ask for within a look; else the next look asks again."""
TIMEOUT_S = 30.0

Answer = TypeVar("Answer")


def observe_hub(
    followed: str,
    cache_dir: Path,
    patterns: tuple[str, ...],
    earlier: Revision | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Revision:
    """The commit that a branch or tag names now.

    Args:
        followed: `hf://org/name@branch`.
        cache_dir: of downloads, as finetune/weights.py has it.
        patterns: which files count, as `fnmatch` reads them.
        earlier: of an earlier look; returned as it is if the commit is the same.
    Raises:
        RateLimitedError: when the hub wants fewer questions.
        SourceError: when repository or branch are gone, the token is refused, or the hub is away.
    """
    from huggingface_hub import HfApi

    repository, _, revision = followed.removeprefix("hf://").partition("@")
    info = _asked(
        followed,
        lambda: HfApi().model_info(
            repository, revision=revision, files_metadata=True, timeout=TIMEOUT_S
        ),
        sleep,
    )
    commit, siblings = info.sha, info.siblings
    if not commit or siblings is None:
        raise SourceError(
            followed,
            "expected a commit and its files, got an answer without",
            "Check HF_ENDPOINT: it must be a Hugging Face hub or a mirror that is complete.",
        )
    identity = f"commit:{commit}"
    if earlier is not None and earlier.identity == identity:
        return earlier
    listed = {sibling.rfilename: sibling for sibling in siblings}
    kept = sorted(path for path in listed if is_downloaded(path, patterns))
    if not kept:
        raise gone(followed, "a commit without a file of weights")
    files = tuple(
        _file(followed, repository, commit, listed[path], cache_dir, sleep) for path in kept
    )
    return Revision(source=f"hf://{repository}@{commit}", identity=identity, files=files)


def _file(
    followed: str,
    repository: str,
    commit: str,
    sibling: Any,
    cache_dir: Path,
    sleep: Callable[[float], None],
) -> ObservedFile:
    path = sibling.rfilename
    if sibling.lfs is not None:
        return ObservedFile(path, sibling.lfs.size, sibling.lfs.sha256)
    from huggingface_hub import hf_hub_download

    local = Path(
        _asked(
            followed,
            lambda: hf_hub_download(repository, path, revision=commit, cache_dir=cache_dir / "hub"),
            sleep,
        )
    )
    content = local.read_bytes()
    return ObservedFile(path, len(content), hashlib.sha256(content).hexdigest())


def _asked(followed: str, question: Callable[[], Answer], sleep: Callable[[float], None]) -> Answer:
    """The hub's answer; a rate limit is waited for once if that is short."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError

    for last in (False, True):
        try:
            return question()
        except HfHubHTTPError as error:
            wait_s = wait_asked_for_s(error.response.headers)
            limited = error.response.status_code == 429
            if limited and not last and wait_s is not None and wait_s <= PATIENCE_S:
                sleep(wait_s)
                continue
            raise _told(followed, error, wait_s) from error
        except (httpx.HTTPError, OSError, ValueError) as error:
            # ValueError: not a repository's name, or no JSON. OSError: no file, for want of network.
            cause = error.__cause__
            if isinstance(cause, HfHubHTTPError):
                raise _told(followed, cause, wait_asked_for_s(cause.response.headers)) from error
            raise unreachable(followed, error) from error
    raise AssertionError("the last attempt returns or raises")


def _told(followed: str, error: Any, wait_s: float | None) -> SourceError:
    from huggingface_hub.errors import (
        GatedRepoError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    status = error.response.status_code
    said = (error.server_message or str(error)).strip().partition("\n")[0][:300]
    if status == 429:
        return rate_limited(followed, wait_s)
    if isinstance(error, RevisionNotFoundError):
        return gone(followed, "a repository without this branch or tag")
    # One that is gated counts as not found, too.
    missing = isinstance(error, RepositoryNotFoundError) and not isinstance(error, GatedRepoError)
    if missing:
        return SourceError(
            followed,
            "expected a repository, got none, or a private one",
            "Check its name; for a private one set HF_TOKEN. Until then it is not followed.",
        )
    if status in (401, 403):
        return refused(followed, f"{status} {said}")
    if status == 404:
        return gone(followed, f"{status} {said}")
    return unreachable(followed, error)


def wait_asked_for_s(headers: Any) -> float | None:
    """How long a rate limit asks to wait, in seconds; None if the answer does not say.

    Sources: `Retry-After` in seconds (RFC 9110), and `t` of the hub's `RateLimit` header (draft
    "RateLimit header fields for HTTP").
    """
    from huggingface_hub.utils import parse_ratelimit_headers  # type: ignore[attr-defined]

    after = headers.get("retry-after", "")
    if after.isdigit():
        return float(after)
    limits = parse_ratelimit_headers(headers)
    return None if limits is None else float(limits.reset_in_seconds)
