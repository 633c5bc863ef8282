"""Find out within seconds whether a tracking store answers, before MLflow retries for minutes.

Does: open one connection to the server or database that a tracking URI names.
Does not: log in, or judge the answer; MLflow does that with the user's own settings.
"""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

CONNECT_TIMEOUT_S = 5.0
ANSWER_TIMEOUT_S = 20.0
DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}


def check_reachable(tracking_uri: str) -> None:
    """Return when the address answers, or when it names a file or something else to leave to MLflow.

    Raises:
        ConnectionError: when nothing answers in time.
    """
    address = urlsplit(tracking_uri)
    if address.scheme in ("http", "https"):
        _ask_server(tracking_uri)
        return
    port = DATABASE_PORTS.get(address.scheme.partition("+")[0])
    # Several hosts, or none (a socket), are for the database driver to understand.
    if port is None or not address.hostname or "," in address.netloc:
        return
    try:
        target = (address.hostname, address.port or port)
        socket.create_connection(target, timeout=CONNECT_TIMEOUT_S).close()
    except (OSError, ValueError) as error:
        raise ConnectionError(str(error)) from error


def _ask_server(tracking_uri: str) -> None:
    import requests

    health = f"{tracking_uri.rstrip('/')}/health"
    try:
        requests.head(health, timeout=(CONNECT_TIMEOUT_S, ANSWER_TIMEOUT_S))
    except requests.exceptions.SSLError:
        # Something answered; whether its certificate is to be trusted, MLflow's settings say.
        return
    except requests.exceptions.RequestException as error:
        raise ConnectionError(str(error)) from error


def without_password(tracking_uri: str) -> str:
    """The URI as it may be printed."""
    address = urlsplit(tracking_uri)
    credentials, at, host = address.netloc.rpartition("@")
    if ":" not in credentials:
        return tracking_uri
    user = credentials.partition(":")[0]
    return address._replace(netloc=f"{user}:***{at}{host}").geturl()
