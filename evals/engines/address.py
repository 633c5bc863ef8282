"""An endpoint's address as it may be shown, logged and kept.

Does: leave out what may be secret. Does not: change where requests go.
"""

from __future__ import annotations

from urllib.parse import urlsplit, urlunsplit


def shown_address(base_url: str) -> str:
    """The address without user name, password, query and final slash.

    Args:
        base_url: address of an endpoint, such as `https://user:password@host/v1?key=...`.
    """
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path.rstrip("/"), "", ""))
