"""Whether a request that names a release may be followed: known, unforged, and still the latest.

Does: compare the request with the ledger of releases. Does not: read weights; that their files have
the digest is checked where they are resolved.
"""

from __future__ import annotations

from configs.errors import RegistryError
from flows.requests.re_evaluate import ReEvaluateRequest
from registry.releases import find_release, latest_release
from registry.store import ModelStore


def checked_against_ledger(store: ModelStore, request: ReEvaluateRequest) -> ReEvaluateRequest:
    """The request with source and digest as the ledger of releases has them.

    Raises:
        RegistryError: when the ledger knows no such release, or says something else about it: the event
            was forged, or belongs to another registry.
    """
    if request.release_id is None:
        return request
    release = find_release(store, request.release_id)
    if release is None:
        raise RegistryError(
            f"release {request.release_id}",
            "expected an entry of the ledger of releases, got none",
            "Nothing was evaluated. Find out who sent this request, or which registry it was meant for.",
        )
    known = {"followed": release.followed, "source": release.source, "digest": release.digest}
    for name, value in known.items():
        asked = getattr(request, name)
        if asked is not None and asked != value:
            raise RegistryError(
                f"{name} of release {request.release_id}",
                f"expected {value} as the ledger of releases says, got {asked}",
                "Nothing was evaluated. Find out who sent this request.",
            )
    return request.model_copy(update=known)


def superseded_by(store: ModelStore, request: ReEvaluateRequest) -> str | None:
    """The newer release of what the request follows, in words; None if it is the latest.

    Args:
        request: as `checked_against_ledger` returns it.
    """
    if request.release_id is None or request.followed is None:
        return None
    asked = find_release(store, request.release_id)
    latest = latest_release(store, request.followed)
    if asked is None or latest is None or latest.number <= asked.number:
        return None
    return f"release {latest.number}, {latest.source}"
