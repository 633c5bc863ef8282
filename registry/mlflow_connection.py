"""A connection to MLflow, made at the first question.

Does: find the address, turn MLflow's failures into RegistryError without passwords.
Does not: know runs (registry/mlflow_runs.py) or models (registry/store.py).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from configs.errors import RegistryError
from registry.reachability import check_reachable, without_password

SHOWN_ERROR_CHARACTERS = 300
SIGNS_OF_ABSENCE = ("Max retries exceeded", "Connection refused", "OperationalError", "timed out")
LOOK = "Look at `pawl status` for what there is."
ASK_SERVER = "Correct MLFLOW_TRACKING_URI if it names no MLflow, or look into its log."


class MlflowConnection:
    """One MLflow tracking URI (SQLite file, PostgreSQL, or a server's address)."""

    def __init__(self, tracking_uri: str, artifacts_directory: Path | None = None) -> None:
        """Args:
        artifacts_directory: where evidence is kept when the URI names a database and no server;
            beside a SQLite file without it.
        """
        self.tracking_uri = tracking_uri
        if artifacts_directory is None and tracking_uri.startswith("sqlite:///"):
            artifacts_directory = (
                Path(tracking_uri.removeprefix("sqlite:///")).parent / "mlartifacts"
            )
        self._artifacts_directory = artifacts_directory
        self._where = f"MLflow at {without_password(tracking_uri)}"

    @cached_property
    def _client(self) -> Any:
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow import MlflowClient

        with self._translated("connecting"):
            check_reachable(self.tracking_uri)
            return MlflowClient(self.tracking_uri, registry_uri=self.tracking_uri)

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        import requests
        import sqlalchemy
        from mlflow.exceptions import MlflowException

        try:
            yield
        except requests.exceptions.HTTPError as error:
            gone = error.response is not None and error.response.status_code == 404
            raise self._failed(doing, error, LOOK if gone else ASK_SERVER) from self._cause(error)
        except (
            requests.exceptions.RequestException,
            sqlalchemy.exc.OperationalError,
            ConnectionError,
        ) as error:
            raise self._unreachable(doing, error) from self._cause(error)
        except ModuleNotFoundError as error:
            raise RegistryError(
                self._where,
                f"expected its driver {error.name}, found none",
                "For PostgreSQL: pip install 'pawl-llm[postgresql]', and write postgresql+psycopg2://.",
            ) from error
        except OSError as error:
            action = "Look at that path and whether this user may use it, then run again."
            raise self._failed(doing, error, action) from error
        except MlflowException as error:
            if any(sign in str(error) for sign in SIGNS_OF_ABSENCE):
                raise self._unreachable(doing, error) from self._cause(error)
            gone = error.error_code == "RESOURCE_DOES_NOT_EXIST"
            raise self._failed(doing, error, LOOK if gone else ASK_SERVER) from self._cause(error)

    def _failed(self, doing: str, error: Exception, action: str) -> RegistryError:
        reason = without_password(str(error)).strip()[:SHOWN_ERROR_CHARACTERS]
        return RegistryError(self._where, f"{doing} failed: {reason}", action)

    def _unreachable(self, doing: str, error: Exception) -> RegistryError:
        reason = without_password(str(error)).strip().partition("\n")[0][:SHOWN_ERROR_CHARACTERS]
        return RegistryError(
            self._where,
            f"unreachable while {doing}: {reason}",
            "Start it, or correct MLFLOW_TRACKING_URI; nothing was lost, run again.",
        )

    @staticmethod
    def _cause(error: Exception) -> Exception | None:
        """The error, for tracebacks in logs; None if it quotes a password."""
        return error if str(error) == without_password(str(error)) else None
