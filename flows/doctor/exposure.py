"""Whether a server on this machine also listens where other machines reach it.

Does: try to connect to this machine's own addresses. Does not: go out of this machine; servers do not
tell what they listen on, Prefect's settings not what `--host` said.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import psutil

from flows.doctor.facts import is_loopback

TIMEOUT_S = 1.0


def reached_from_elsewhere(url: str) -> str | None:
    """An address of this machine, loopback apart, that accepts connections on the port of a URL.

    Args:
        url: of a server, by a loopback address; by any other it says itself who reaches it.
    Returns:
        None when there is no such address, or the URL is of another machine or has no port.
    """
    port = urlsplit(url).port
    if port is None or not is_loopback(url):
        return None
    return next((address for address in _own_addresses() if _accepts(address, port)), None)


def _own_addresses() -> list[str]:
    found = [
        one.address
        for addresses in psutil.net_if_addrs().values()
        for one in addresses
        if one.family in (socket.AF_INET, socket.AF_INET6)
    ]
    # With %, only within one network segment and in a form that is_loopback() does not know.
    return [address for address in found if "%" not in address and not _is_own_alone(address)]


def _is_own_alone(address: str) -> bool:
    return is_loopback(f"[{address}]" if ":" in address else address)


def _accepts(address: str, port: int) -> bool:
    try:
        with socket.create_connection((address, port), TIMEOUT_S):
            return True
    except OSError:
        return False
