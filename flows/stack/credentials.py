"""Passwords of the servers that `pawl up` runs.

Does: make them once, keep them where only this user reads them; what the user set wins.
Does not: put them on command lines, which every user of the machine can read.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from configs.errors import StackError
from configs.strict_model import StrictModel

PREFECT_VARIABLE = "PREFECT_SERVER_API_AUTH_STRING"
MLFLOW_USER_VARIABLE = "MLFLOW_AUTH_ADMIN_USERNAME"
MLFLOW_PASSWORD_VARIABLE = "MLFLOW_AUTH_ADMIN_PASSWORD"
PASSWORD_BYTES = 24


class Credentials(StrictModel):
    """What opens both servers."""

    prefect: str
    """`user:password`."""
    mlflow_user: str
    mlflow_password: str
    mlflow_secret_key: str
    """Signs the forms of MLflow's pages."""


def credentials(path: Path, environment: Mapping[str, str]) -> Credentials:
    """Credentials kept at `path`, made there on the first call.

    Args:
        environment: `PREFECT_SERVER_API_AUTH_STRING`, `MLFLOW_AUTH_ADMIN_USERNAME` and
            `MLFLOW_AUTH_ADMIN_PASSWORD` take precedence and are not written down.
    Raises:
        StackError: when the file is not what this wrote, or other users may read it.
    """
    kept = _read(path) if path.exists() else _make(path)
    found = {
        "prefect": environment.get(PREFECT_VARIABLE),
        "mlflow_user": environment.get(MLFLOW_USER_VARIABLE),
        "mlflow_password": environment.get(MLFLOW_PASSWORD_VARIABLE),
    }
    return kept.model_copy(update={name: value for name, value in found.items() if value})


def _make(path: Path) -> Credentials:
    made = Credentials(
        prefect=f"pawl:{secrets.token_urlsafe(PASSWORD_BYTES)}",
        mlflow_user="admin",
        mlflow_password=secrets.token_urlsafe(PASSWORD_BYTES),
        mlflow_secret_key=secrets.token_hex(PASSWORD_BYTES),
    )
    write_secret(path, made.model_dump_json(indent=2) + "\n")
    return made


def _read(path: Path) -> Credentials:
    if path.stat().st_mode & 0o077:
        raise StackError(
            str(path), "expected a file that only its owner reads", f"chmod 600 {path}"
        )
    try:
        return Credentials.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except ValueError as error:
        raise StackError(
            str(path),
            "expected the credentials that Pawl keeps",
            "Restore it; without it, MLflow's admin password has to be reset.",
        ) from error


def write_secret(path: Path, content: str) -> None:
    """Replace a file in one step; at no time may others read it."""
    building = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(building, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
    building.replace(path)
