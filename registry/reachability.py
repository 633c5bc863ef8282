"""Find out within seconds whether a tracking store answers, before MLflow retries for minutes.

Does: open one connection to the server or database that a tracking URI names; hide passwords.
Does not: judge what a server answers; MLflow does that with the user's own settings.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

CONNECT_TIMEOUT_S = 5
ANSWER_TIMEOUT_S = 20
DATABASES = ("sqlite", "postgresql", "mysql", "mssql")
# Drivers that know this option by this name; MLflow waits as long as the others like.
DRIVERS_WITH_TIMEOUT = ("psycopg2", "psycopg", "pymysql", "mysqldb")
PASSWORD_OF_USER = re.compile(r"(://[^:/@\s]*):\S*@")
PASSWORD_OPTION = re.compile(r"((?:password|passwd|pwd)=)[^&\s'\"]*", re.IGNORECASE)


def check_reachable(tracking_uri: str) -> None:
    """Return when the address answers, or when what it names is to be left to MLflow.

    Raises:
        ConnectionError: when nothing answers in time, or a database does not let us in.
        ModuleNotFoundError: when the database's driver is not installed.
    """
    scheme = tracking_uri.partition("://")[0]
    if scheme in ("http", "https"):
        _ask_server(tracking_uri)
    elif scheme.partition("+")[0] in DATABASES:
        _ask_database(tracking_uri)


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


def _ask_database(tracking_uri: str) -> None:
    import sqlalchemy

    try:
        url = sqlalchemy.make_url(tracking_uri)
        if url.get_backend_name() == "sqlite" and not Path(url.database or ".").parent.is_dir():
            return  # MLflow makes the directory.
        options: dict[str, Any] = {}
        if url.get_driver_name() in DRIVERS_WITH_TIMEOUT and "connect_timeout" not in url.query:
            options["connect_timeout"] = CONNECT_TIMEOUT_S
        engine = sqlalchemy.create_engine(
            url, connect_args=options, poolclass=sqlalchemy.pool.NullPool
        )
        sqlalchemy.inspect(engine).get_table_names()
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise ConnectionError(str(error)) from error


def without_password(text: str) -> str:
    """A tracking URI, or a message that quotes one, as it may be printed.

    Rather too much is hidden than too little: a password may contain any character but a space.
    """
    return PASSWORD_OPTION.sub(r"\1***", PASSWORD_OF_USER.sub(r"\1:***@", text))
